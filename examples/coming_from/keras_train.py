import numpy as np
import pandas as pd
from tensorflow import keras

table = pd.read_csv("faces.csv")
pixels = np.stack([np.array(text.split(), np.float32).reshape(48, 48, 1) / 255 for text in table["pixels"]])
labels = keras.utils.to_categorical(table["emotion"], 7)
training, test = table["Usage"] == "Training", table["Usage"] == "PublicTest"
model = keras.Sequential(
    [
        keras.Input((48, 48, 1)),
        *[
            layer
            for width in (256, 128, 64)
            for layer in (
                keras.layers.Conv2D(width, 3, padding="same", activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.MaxPooling2D(),
            )
        ],
        keras.layers.Flatten(),
        keras.layers.Dense(7, activation="softmax"),
    ]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(pixels[training], labels[training], epochs=60, validation_data=(pixels[test], labels[test]))
model.save("model.keras")
