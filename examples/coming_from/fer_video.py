from fer.classes import Video
from fer.fer import FER

video = Video("examples/astronaut.mp4")
video.analyze(FER(mtcnn=True), display=False, save_frames=False, save_video=False)  # writes output/data.csv
