import mien

analyzer = mien.Analyzer()  # once; it may be shared by any number of threads
photo_rgb = mien.load_photo("examples/astronaut.jpg")  # a path, bytes or an open file
reading = analyzer.read(photo_rgb)
for face in reading.faces:
    left, top, right, bottom = face.box_xyxy  # pixels
    print(face.emotions.top, f"certain to {face.emotions.certainty:.0%}")
