import mien

client = mien.Client("http://127.0.0.1:8646")
reading = client.read("examples/astronaut.jpg")  # the same FrameReading, and no model in this process
print([face.emotions.top for face in reading.faces])
