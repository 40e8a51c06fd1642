import cv2
from fer.fer import FER

reader = FER(mtcnn=True)
for face in reader.detect_emotions(cv2.imread("examples/astronaut.jpg")):
    print(max(face["emotions"], key=face["emotions"].get), face["emotions"]["happy"], face["box"])
