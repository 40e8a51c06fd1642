import mien

reader = mien.Analyzer()
for face in reader.read(mien.load_photo("examples/astronaut.jpg")).faces:
    print(face.emotions.top, face.emotions.probabilities["happy"], face.box_xyxy)
