import mien

session = mien.Analyzer().session()  # one for each stream: it remembers who is who
portrait_rgb = mien.load_photo("examples/astronaut.jpg")
for number in range(15):
    reading = session.read(portrait_rgb, time_s=number / 10)  # in place of the portrait, your camera's picture
for face in reading.faces:
    assert face.smooth is not None  # steady along the track, where `emotions` is this picture's alone
    print("person", face.track_id, face.smooth.top)
