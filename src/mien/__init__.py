"""mien reads facial expressions: how a face looks to viewers, not what a person feels."""

import os as _os

# Nothing is sent on: ONNX Runtime's official builds keep an identifier of the machine, and send Microsoft what they are
# used for, unless this is there before they are loaded. An own choice, "0", is left as it is.
_os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from mien.analyzer import Analyzer
from mien.card import ModelCard
from mien.classifier import Classifier, EmotionClassifier
from mien.client import Client, VideoJob
from mien.draw import draw
from mien.errors import (
    CardError,
    DataError,
    MediaError,
    MienError,
    MissingExtraError,
    ProfileError,
    RecipeError,
    ServiceBusyError,
    ServiceError,
    SettingsError,
    WeightsError,
)
from mien.faces.detector import Detector
from mien.media.finding import find_photos
from mien.media.photos import load_photo
from mien.profiles import Profile
from mien.results import (
    NOTICE,
    Emotions,
    Face,
    FaceReading,
    FrameReading,
    Geometry,
    Landmarks,
    ReadOptions,
    StreamOptions,
)
from mien.session import Session
from mien.summary.summarizer import Summary, summarize
from mien.taxonomy import FER2013, FERPLUS, Taxonomy

__version__ = "0.1.0"

__all__ = [
    "FER2013",
    "FERPLUS",
    "NOTICE",
    "Analyzer",
    "CardError",
    "Classifier",
    "Client",
    "DataError",
    "Detector",
    "EmotionClassifier",
    "Emotions",
    "Face",
    "FaceReading",
    "FrameReading",
    "Geometry",
    "Landmarks",
    "MediaError",
    "MienError",
    "MissingExtraError",
    "ModelCard",
    "Profile",
    "ProfileError",
    "ReadOptions",
    "RecipeError",
    "ServiceBusyError",
    "ServiceError",
    "Session",
    "SettingsError",
    "StreamOptions",
    "Summary",
    "Taxonomy",
    "VideoJob",
    "WeightsError",
    "draw",
    "find_photos",
    "load_photo",
    "summarize",
]
