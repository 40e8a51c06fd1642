"""Profiles: what mien knows of one person's face, as plain numbers in one JSON file that holds no picture.

A profile moves a model's calibrated log-probabilities. Its baseline is one offset per label, what this face lacks of a
neutral face's answer when it is neutral; its head is a linear map of the embedding, learnt from a few labelled
examples. Both belong to one model file, which they name by its SHA-256. `mien.personal` makes them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import ProfileError
from mien.taxonomy import TAXONOMIES
from mien.writing import replacing

__all__ = ["Baseline", "PersonalHead", "Profile"]

_FORMAT = "mien-profile"
_VERSION = 1
_EXPECTED = "expected a profile as mien personalize writes it"


@dataclass(frozen=True)
class Baseline:
    """One offset per label, added to the calibrated log-probabilities.

    Args:
        offsets: Name of the label set -> one number per label, in its order.
        faces: How many neutral faces it was made from.
        source: Where they came from, in words: "photos", "seconds 2 to 5", "the file's own median".
    """

    offsets: Mapping[str, tuple[float, ...]]
    faces: int
    source: str


@dataclass(frozen=True)
class PersonalHead:
    """A linear map from the embedding to what is added to some labels' log-probabilities.

    Args:
        labels: The labels that examples were given for; the others' log-probabilities stay.
        centre: `(width,)`, taken off the embedding first.
        scale: What is left is divided by this.
        weights: One row of `width` numbers per label.
        bias: One number per label.
    """

    labels: tuple[str, ...]
    centre: tuple[float, ...]
    scale: float
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    def added(self, embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
        """What is added for faces with these embeddings, `(n, width)`: `(n, len(labels))`."""
        features = (embeddings.astype(np.float64) - np.array(self.centre)) / self.scale
        return np.asarray(features @ np.array(self.weights).T + np.array(self.bias), np.float64)


@dataclass(frozen=True)
class Profile:
    """A person's own numbers for one model.

    Args:
        name: Whose, as the person chose to be called; stands in every reading that it was used for.
        model: Name of the model, for messages.
        model_sha256: SHA-256 of the model file; the profile means nothing to another one.
        baseline: The neutral face; None without one.
        heads: Name of the label set -> what examples taught; empty without examples.
        examples: Label -> how many examples were learnt.
        checks: Held-out figures of its making, by name.

    Example:
        >>> profile = Profile("anna", "mien-m", "0" * 64, Baseline({"fer2013": (0, 0, 0, 0, -1, 0, 1)}, 40, "photos"))
        >>> profile.adjust(np.zeros((1, 7)), None, labels="fer2013")
        array([[ 0.,  0.,  0.,  0., -1.,  0.,  1.]])
        >>> profile.summary
        'anna (baseline of 40 faces, photos)'
    """

    name: str
    model: str
    model_sha256: str
    baseline: Baseline | None = None
    heads: Mapping[str, PersonalHead] = field(default_factory=dict)
    examples: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, float] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Whose it is and what it holds, in a few words."""
        parts = []
        if self.baseline is not None:
            parts.append(f"baseline of {self.baseline.faces} faces, {self.baseline.source}")
        if self.heads:
            parts.append(f"{sum(self.examples.values())} examples")
        return f"{self.name} ({'; '.join(parts) or 'nothing learnt'})"

    def check_model(self, model: str, model_sha256: str) -> None:
        """Refuse a model that the profile was not made with.

        Raises:
            ProfileError: it is another.
        """
        if model_sha256 != self.model_sha256:
            raise ProfileError(
                f"the profile {self.name} was made with the model {self.model} ({self.model_sha256[:12]}), got {model} "
                f"({model_sha256[:12]}): make it again with this model, or read with that one"
            )

    def adjust(
        self, log_probabilities: NDArray[np.floating], embeddings: NDArray[np.floating] | None, *, labels: str
    ) -> NDArray[np.float64]:
        """Calibrated log-probabilities, or logits over their temperature, as this person's.

        Args:
            log_probabilities: `(n, len(labels))`, up to a constant per row.
            embeddings: `(n, width)`; None leaves what examples taught aside.
            labels: Name of the label set.

        Returns:
            `(n, len(labels))`, up to a constant per row; unchanged in a label set that the profile does not know.
        """
        moved = np.array(log_probabilities, np.float64)
        if self.baseline is not None and labels in self.baseline.offsets:
            moved += self.baseline.offsets[labels]
        head = self.heads.get(labels)
        if head is not None and embeddings is not None:
            columns = [TAXONOMIES[labels].index(label) for label in head.labels]
            moved[:, columns] += head.added(embeddings)
        return moved

    def to_json(self) -> str:
        """As text, for `from_json`."""
        return json.dumps({"format": _FORMAT, "version": _VERSION, **asdict(self)})

    def write(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all."""
        with replacing(path) as unfinished:
            unfinished.write_text(self.to_json() + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `write` wrote.

        Raises:
            ProfileError: no such file, no profile, or one of another version of mien.
        """
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f"{path}: {_EXPECTED}, got {getattr(error, 'strerror', None) or error}") from None
        return cls.from_json(text, source=str(path))

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Self:
        """Read what `to_json` wrote.

        Args:
            text: The JSON.
            source: Where it comes from, for messages.

        Raises:
            ProfileError: no profile, or one of another version of mien.
        """
        expected = f"{source}: {_EXPECTED}"
        try:
            values = json.loads(text)
            if not isinstance(values, dict) or values.pop("format", None) != _FORMAT:
                raise ProfileError(f"{expected}, got another file")
            if (version := values.pop("version", None)) != _VERSION:
                raise ProfileError(f"{expected}, of version {_VERSION}, got version {version}: make it again")
            return cls._from_values(values)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ProfileError):
                raise
            raise ProfileError(f"{expected}, got one that cannot be read: {error}") from None

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Self:
        baseline = values.pop("baseline")
        if baseline is not None:
            offsets = {labels: tuple(map(float, row)) for labels, row in baseline.pop("offsets").items()}
            for labels, row in offsets.items():
                if len(row) != len(TAXONOMIES[labels]) or not np.isfinite(row).all():
                    raise ValueError(f"a baseline of {len(TAXONOMIES[labels])} finite numbers expected, got {row}")
            baseline = Baseline(offsets=offsets, **baseline)
        heads = {
            labels: PersonalHead(
                labels=tuple(head["labels"]),
                centre=tuple(head["centre"]),
                scale=head["scale"],
                weights=tuple(map(tuple, head["weights"])),
                bias=tuple(head["bias"]),
            )
            for labels, head in values.pop("heads").items()
        }
        return cls(baseline=baseline, heads=heads, **values)
