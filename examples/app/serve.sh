mien serve
