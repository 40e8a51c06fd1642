"""Where the reading of a stream stands, as JSON: plain values as they are, all others under the name of what they are.

A folder of results may come from anywhere, so nothing in it may run. A pickle could; here a name stands for one of the
types below, or the text is refused.
"""

import base64
from collections import deque
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mien import __version__
from mien.faces.flow import Patch
from mien.faces.tracking import Track, Tracker
from mien.results import (
    Emotions,
    Face,
    FaceReading,
    FrameReading,
    Geometry,
    Landmarks,
    ReadOptions,
    StreamOptions,
)
from mien.session import SessionState
from mien.smoothing import Clock, ExponentialSmoother, ForwardFilter, LabelHold, MovingAverage, Steady
from mien.streaming import StreamState

__all__ = ["from_json", "to_json"]

_TYPES: dict[str, type] = {
    each.__name__: each
    for each in (
        *(StreamState, SessionState, Tracker, Track, Patch),
        *(Steady, LabelHold, MovingAverage, ExponentialSmoother, ForwardFilter, Clock),
        *(FrameReading, FaceReading, Face, Landmarks, Geometry, Emotions, ReadOptions, StreamOptions),
    )
}


def to_json(state: StreamState) -> dict[str, Any]:
    """A state in what JSON has, with the version of mien that knows what it means."""
    return {"mien": __version__, "state": _plain(state)}


def from_json(values: Any) -> StreamState:
    """Inverse of `to_json`; the numbers are the same to the last bit.

    Raises:
        ValueError: it is no state, or one of another version of mien.
        KeyError, TypeError, AttributeError: likewise.
    """
    if values["mien"] != __version__:
        raise ValueError(f"expected a state of mien {__version__}, got one of {values['mien']}")
    state = _restored(values["state"])
    if not isinstance(state, StreamState):
        raise ValueError(f"expected a StreamState, got a {type(state).__name__}")  # noqa: TRY004  as all that is no state
    return state


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, tuple | deque):
        return {type(value).__name__: [_plain(each) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[_plain(key), _plain(each)] for key, each in value.items()]}
    if isinstance(value, np.ndarray):
        data = base64.b64encode(value.tobytes()).decode("ascii")
        return {"ndarray": {"dtype": value.dtype.str, "shape": value.shape, "data": data}}
    return {type(value).__name__: {name: _plain(each) for name, each in vars(value).items()}}


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(each) for each in value]
    if not isinstance(value, dict):
        return value
    ((name, content),) = value.items()
    if name in {"tuple", "deque"}:
        return (tuple if name == "tuple" else deque)(_restored(each) for each in content)
    if name == "dict":
        return {_restored(key): _restored(each) for key, each in content}
    if name == "ndarray":
        data = np.frombuffer(base64.b64decode(content["data"]), np.dtype(content["dtype"]))
        return data.reshape(content["shape"]).copy()
    attributes = {attribute: _restored(each) for attribute, each in content.items()}
    return _made(_TYPES[name], attributes)


def _made(kind: type, attributes: dict[str, Any]) -> Any:
    """An object with these attributes; results check themselves what they are made of."""
    if is_dataclass(kind):
        if set(attributes) != {field.name for field in fields(kind)}:
            raise ValueError(f"expected the fields of a {kind.__name__}, got {', '.join(attributes)}")
        return kind(**attributes)
    made: Any = object.__new__(kind)
    vars(made).update(attributes)
    return made
