import cv2
import numpy as np
from tensorflow import keras

LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]  # to be kept in step by hand
finder = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
model = keras.models.load_model("model.keras")
grey = cv2.cvtColor(cv2.imread("examples/astronaut.jpg"), cv2.COLOR_BGR2GRAY)
for x, y, width, height in finder.detectMultiScale(grey, 1.3, 5):
    face = cv2.resize(grey[y : y + height, x : x + width], (48, 48))[None, :, :, None] / 255
    print(LABELS[int(np.argmax(model.predict(face, verbose=0)))], (x, y, width, height))
