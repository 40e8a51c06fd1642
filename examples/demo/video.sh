mien analyze examples/astronaut.mp4 --video --gif 0:01-0:02 --subtitles vtt --out demo-video
