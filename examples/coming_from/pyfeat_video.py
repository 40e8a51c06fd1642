from feat import Detectorv2

readings = Detectorv2(device="cpu").detect("examples/astronaut.mp4", data_type="video")
readings.to_csv("readings.csv")
print(readings.emotions.mean())
