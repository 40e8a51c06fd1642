import json

import mien

reading = mien.Analyzer().read(mien.load_photo("examples/astronaut.jpg"))
text = json.dumps(reading.to_dict())  # probabilities at full precision, and which model and options made them
again = mien.FrameReading.from_dict(json.loads(text))
print(again == reading, again.model, again.faces[0].emotions.taxonomy)
