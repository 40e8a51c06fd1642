from deepface import DeepFace

for face in DeepFace.analyze("examples/astronaut.jpg", actions=["emotion"], enforce_detection=False):
    box = face["region"]
    print(face["dominant_emotion"], face["emotion"]["happy"] / 100, (box["x"], box["y"], box["w"], box["h"]))
