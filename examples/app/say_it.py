import mien


def say(face: mien.FaceReading) -> str:
    """What an app may show of a face."""
    if face.emotions.unsure:
        return f"cannot tell ({', '.join(face.emotions.doubts)})"
    if len(face.emotions.plausible) > 1:
        return f"looks {' or '.join(face.emotions.plausible)}"
    return f"looks {face.emotions.top}"


reading = mien.Analyzer().read(mien.load_photo("examples/astronaut.jpg"))
print([say(face) for face in reading.faces] or "nobody there")
