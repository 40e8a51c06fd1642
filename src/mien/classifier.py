"""EmotionClassifier: a model file and its card, from face crops to emotions."""

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mien.card import CARD_KEY, ModelCard
from mien.doubt import answers_votes, decide, expected_votes
from mien.errors import CardError, ChecksumError, WeightsMissingError
from mien.preprocess import to_input
from mien.profiles import Profile
from mien.quality import measure_quality
from mien.results import Emotions
from mien.taxonomy import FERPLUS_VOTES, NOT_A_FACE, TAXONOMIES

__all__ = ["DEFAULT_MODEL", "Classifier", "EmotionClassifier", "embedded_models"]

DEFAULT_MODEL = "mien-l"

_ASSETS = Path(__file__).parent / "assets"
_SUMS = "SHA256SUMS"  # of the embedded files, as `sha256sum` writes it; benchmarks/embed.py brings it up to date


class Classifier(Protocol):
    """Reads the emotions of face crops; safe to share between threads."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 of the model file."""
        ...

    def classify(
        self, crops: Sequence[NDArray[np.uint8]], *, labels: str | None = None, balance: float = 0.0
    ) -> list[Emotions]:
        """One result per crop, in order."""
        ...


def embedded_models() -> dict[str, Path]:
    """The models that come with mien: name -> file."""
    return {path.stem: path for path in sorted(_ASSETS.glob("*.onnx"))}


def _embedded_sha256(name: str) -> str:
    """What the bytes of an embedded model must have."""
    lines = (_ASSETS / _SUMS).read_text("ascii").splitlines()
    return next((sha256 for sha256, file in map(str.split, lines) if file == f"{name}.onnx"), "of none known here")


class EmotionClassifier:
    """A model run by ONNX Runtime on one thread, which leaves the other cores to others; safe to share between threads.

    Args:
        path: An ONNX file with a card inside, as `mien export` writes it.
        sha256: What its bytes must have, in lower-case hex; None takes whatever is there.

    Raises:
        WeightsMissingError: there is no such file.
        ChecksumError: its bytes are not those that were meant.
        CardError: the file is no ONNX model, or holds no usable card.

    Example:
        >>> classifier = EmotionClassifier.load()
        >>> grey = np.full((48, 48), 128, np.uint8)
        >>> len(classifier.classify([grey, grey])), classifier.card.name
        (2, 'mien-l')
    """

    def __init__(self, path: str | Path, *, sha256: str | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise WeightsMissingError(
                f"{path} is not there: expected an ONNX file or one of {', '.join(embedded_models())}"
            )
        content = self.path.read_bytes()
        self.sha256 = hashlib.sha256(content).hexdigest()
        """SHA-256 of the model file."""
        if sha256 is not None and self.sha256 != sha256:
            raise ChecksumError(
                f"{path} must have SHA-256 {sha256}, got {self.sha256}: put the right file there; if it came with "
                "mien, install mien again"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  ONNX Runtime's errors share no public base class
            raise CardError(f"{self.path} is not a model that ONNX Runtime can load: {str(error)[:200]}") from None
        metadata = self._session.get_modelmeta().custom_metadata_map
        if CARD_KEY not in metadata:
            raise CardError(f"{path} has no mien card inside: export it with `mien export`")
        self.card = ModelCard.from_json(metadata[CARD_KEY], source=str(path))
        self.profile: Profile | None = None

    @classmethod
    def load(cls, name_or_path: str | Path = DEFAULT_MODEL) -> Self:
        """The embedded model of that name, its bytes checked; or a model file, whatever they are."""
        name = str(name_or_path)
        if name in (embedded := embedded_models()):
            return cls(embedded[name], sha256=_embedded_sha256(name))
        return cls(name_or_path)

    def with_profile(self, profile: Profile | None) -> Self:
        """The same model, not loaded again, that reads with a person's profile; None reads without one.

        Raises:
            ProfileError: the profile was made with another model.
        """
        if profile is not None:
            profile.check_model(self.card.name, self.sha256)
        other = copy.copy(self)
        other.profile = profile
        return other

    def logits(self, crops: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """The model's raw answers, before temperature.

        Args:
            crops: As `classify` takes them.

        Returns:
            Name of the label set -> `(n, len(labels) + len(extra))` logits, and "embedding" -> `(n, width)` where
            the model has one.
        """
        return self._answer(to_input(crops, self.card.input))

    def classify(
        self, crops: Sequence[NDArray[np.uint8]], *, labels: str | None = None, balance: float = 0.0
    ) -> list[Emotions]:
        """How each face looks to viewers, and how far to trust it.

        Args:
            crops: Face crops framed as the card says, `(height, width, 3)` RGB or `(height, width)` grey uint8.
            labels: Name of the label set; None takes the model's first.
            balance: As `Analyzer` takes it.

        Returns:
            One result per crop, in order; an empty list for no crops.

        Raises:
            ValueError: a crop of another shape or type, a label set that the model does not answer in, or a balance
                out of range or for a model whose card knows no frequencies.
        """
        head = self.card.heads[0] if labels is None else self.card.head(labels)
        if not crops:
            return []
        faces = to_input(crops, self.card.input)
        answers = self._answer(faces)
        quality = measure_quality(faces, [max(crop.shape[:2]) for crop in crops])
        logits: NDArray[np.floating] = answers[head.taxonomy][:, : len(TAXONOMIES[head.taxonomy])]
        if self.profile is not None:  # what the card promises, it promises of the general model alone
            tempered = logits / head.temperature
            logits = self.profile.adjust(tempered, answers.get("embedding"), labels=head.taxonomy)
            head = replace(head, temperature=1.0, trust=None)
        decision = decide(head, logits, quality.lack, balance=balance)
        names = np.array(TAXONOMIES[head.taxonomy].labels)
        votes, no_face = self._votes(answers)
        return [
            Emotions(
                taxonomy=head.taxonomy,
                values=tuple(decision.values[row].tolist()),
                votes=None if votes is None else tuple(votes[row].tolist()),
                certainty=None if decision.certainty is None else float(decision.certainty[row]),
                plausible=() if decision.plausible is None else tuple(names[decision.plausible[row]].tolist()),
                doubts=(
                    *(("low_certainty",) if decision.unsure is not None and decision.unsure[row] else ()),
                    *(("not_a_face",) if no_face[row] else ()),
                    *seen,
                ),
            )
            for row, seen in enumerate(quality.doubts())
        ]

    def _answer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """As `logits`, for the model's own input."""
        outputs = {head.taxonomy: head.output for head in self.card.heads}
        if self.card.embedding is not None:
            outputs["embedding"] = self.card.embedding
        return dict(zip(outputs, self._session.run(list(outputs.values()), {"faces": faces}), strict=True))

    def _votes(self, answers: dict[str, NDArray[np.float32]]) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
        """`(n, 10)` what viewers would say, None without a head trained on votes; `(n,)` whether it may be no face."""
        head = next((head for head in self.card.heads if answers_votes(head)), None)
        if head is None:
            return None, np.zeros(len(next(iter(answers.values()))), bool)
        votes = expected_votes(head, answers[head.taxonomy])
        limit = math.inf if head.not_a_face_from is None else head.not_a_face_from
        return votes, np.asarray(votes[:, FERPLUS_VOTES.index(NOT_A_FACE)] >= limit)
