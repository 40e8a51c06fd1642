"""The process that decodes and reads pictures for the service: `python -m mien.server.reader_process`.

It answers one message at a time on its standard streams (`framing`) and ends when its input does. It holds the state
of the live sessions given to it; when it is killed they begin anew in its successor. A service that is killed while a
decoder hangs leaves nobody to kill this process: a timer does.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.classifier import EmotionClassifier
from mien.errors import MediaError, MediaTooLargeError, MienError, ProfileError
from mien.media.photos import load_photo
from mien.personal.sitting import Sitting
from mien.profiles import Profile
from mien.server.framing import pack, read_message
from mien.session import Session
from mien.taxonomy import COLOURS_RGB, TAXONOMIES

__all__ = ["main"]

_NEUTRAL_FACES = 30  # of one sitting: more tell no more
_LIVE_NAME = "live"
_FRAME_PIXELS = 8_000_000  # a live picture may not claim more: others wait for their turn
_IN_MEMORY = "the photo in memory: "  # how the loader begins its sentences; a client sent no such thing


@dataclass(eq=False)
class _Stream:
    """One live session: with whose profile it is read, and the neutral face that is being watched, if one is."""

    analyzer: Analyzer
    session: Session
    profile: str | None = None
    sitting: Sitting | None = None

    def read_with(self, profile: str | None) -> None:
        """From now on with a profile, as JSON, or as anyone."""
        if profile != self.profile:
            own = None if profile is None else Profile.from_json(profile, source="the profile")
            self.session.read_with(self.analyzer.with_profile(own))
            self.profile = profile

    def watch(self, frame_rgb: NDArray[np.uint8]) -> None:
        """Take the face of a frame as a neutral one, if it can be used."""
        self.sitting = self.sitting or Sitting(self.analyzer)
        if len(self.sitting) < _NEUTRAL_FACES:
            self.sitting.take(frame_rgb, "neutral")

    def learn(self) -> str:
        """The profile of the neutral face that was watched, as JSON; the faces are forgotten."""
        sitting, self.sitting = self.sitting, None
        if sitting is None:
            raise ProfileError("a profile needs faces, got none: watch the neutral face first")
        return sitting.learn(_LIVE_NAME, source="the camera").to_json()


class _Reader:
    """Answers messages with one model and one detector."""

    def __init__(
        self, *, model: str, detector: str | None, labels: str | None, balance: float, max_pixels: int
    ) -> None:
        self._classifier = EmotionClassifier.load(model)
        self._analyzer = Analyzer(model=self._classifier, detector=detector, labels=labels, balance=balance)
        self._max_pixels = max_pixels
        self._streams: dict[str, _Stream] = {}

    def about(self) -> dict[str, Any]:
        """What answers, for `/v1/models` and a live socket's greeting."""
        card = self._classifier.card
        return {
            "card": asdict(card),
            "sha256": self._classifier.sha256,
            "detector": self._analyzer.detector.name,
            "labels": self._analyzer.options.labels,
            "label_sets": {
                head.taxonomy: {label: list(COLOURS_RGB[label]) for label in TAXONOMIES[head.taxonomy].labels}
                for head in card.heads
            },
        }

    def answer(self, head: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        """The reading of a picture, as `to_dict` gives it."""
        if head["do"] == "forget":
            self._streams.pop(head["session"], None)
            return {}
        if head["do"] == "photo":
            frame_rgb = load_photo(picture, max_pixels=self._max_pixels)
            return self._analyzer_for(head["labels"], head["min_face_px"]).read(frame_rgb).to_dict()
        stream = self._stream(head)
        if head["do"] == "learn":
            return {"profile": stream.learn()}
        stream.read_with(head["profile"])
        if head["do"] == "profile":
            return {}
        frame_rgb = load_photo(picture, max_pixels=min(self._max_pixels, _FRAME_PIXELS))
        if head["watch"]:
            stream.watch(frame_rgb)
        return stream.session.read(frame_rgb, time_s=head["time_s"]).to_dict()

    def _stream(self, head: Mapping[str, Any]) -> _Stream:
        """The live session that a message belongs to; a new one for the first."""
        stream = self._streams.get(head["session"])
        if stream is None:
            analyzer = self._analyzer_for(head["labels"], head["min_face_px"])
            stream = self._streams[head["session"]] = _Stream(analyzer, analyzer.session())
        return stream

    def _analyzer_for(self, labels: str | None, min_face_px: float) -> Analyzer:
        """The analyzer itself, or one that shares its networks."""
        options = self._analyzer.options
        if labels in (None, options.labels) and min_face_px == options.min_face_px:
            return self._analyzer
        return Analyzer(
            model=self._classifier,
            detector=self._analyzer.detector,
            labels=labels or options.labels,
            min_face_px=min_face_px,
            balance=options.balance,
        )


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service decides when to end
    cv2.setNumThreads(1)  # there is a process for every core
    source = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)  # whatever a library prints must not fall between two messages
        started = read_message(source)
        if started is None:
            return
        give_up_s = started[0].pop("give_up_s")
        try:
            reader = _Reader(**started[0])
        except (MienError, ValueError) as error:
            _send(sink, {"error": str(error)}, b"")
            return
        _send(sink, {}, json.dumps(reader.about()).encode())
        while (message := read_message(source)) is not None:
            try:
                with _deadline(give_up_s):
                    body = json.dumps(reader.answer(*message)).encode()
            except (MediaError, ValueError) as error:
                text = str(error).removeprefix(_IN_MEMORY)
                _send(sink, {"error": text, "too_large": isinstance(error, MediaTooLargeError)}, b"")
            else:
                _send(sink, {}, body)


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer: by a signal, which also ends what hangs in a decoder."""
    if not hasattr(signal, "setitimer"):  # no such thing on Windows; the service's own time-out is enough there
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _send(sink: BinaryIO, head: dict[str, Any], body: bytes) -> None:
    sink.writelines(pack(head, body))
    sink.flush()


if __name__ == "__main__":
    main()
