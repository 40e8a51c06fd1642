import mien
from mien.tables.files import read_table

readings = [result.reading for result in read_table("results/readings.csv").results()]
summary = mien.summarize(readings)
for track in summary.tracks:
    for episode in track.episodes:
        print(f"person {track.track_id} looks {episode.label} from {episode.onset_s:.1f} s to {episode.end_s:.1f} s")
