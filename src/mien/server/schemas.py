"""What the service answers, as types of its OpenAPI document: field for field what the results' `to_dict` gives."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mien.results import Doubt, Smoothing
from mien.server.jobs import JobState, ResultName

__all__ = ["AboutAnswer", "Error", "FrameReadingAnswer", "Health", "JobAnswer", "ModelsAnswer"]

# Lists with a length: fewer programs that make clients from the document understand fixed tuples.
_Point = Annotated[list[float], Field(min_length=2, max_length=2)]
_Colour = Annotated[list[int], Field(min_length=3, max_length=3)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Error(_Answer):
    """Why a request was not answered: one sentence that says what was expected, what came and what to do."""

    error: str = Field(examples=["expected a photo (JPEG, PNG, WebP, TIFF, ...), got text: check what it is"])


class Health(_Answer):
    """Whether the service is up."""

    status: Literal["ok", "starting"]


class LandmarksAnswer(_Answer):
    """Five points of a face, each [x, y] in pixels; left and right as the viewer sees them."""

    left_eye: _Point
    right_eye: _Point
    nose: _Point
    mouth_left: _Point
    mouth_right: _Point


class EmotionsAnswer(_Answer):
    """How one face looks to viewers, as probabilities over a label set."""

    taxonomy: str = Field(examples=["ferplus"])
    top: str = Field(description="The most probable label.", examples=["happy"])
    probabilities: dict[str, float] = Field(description="Label -> probability; they sum to 1.")
    viewers: dict[str, float] | None = Field(description="Answer -> share of viewers expected to give it.")
    certainty: float | None = Field(ge=0, le=1, description="Probability that `top` is right.")
    plausible: list[str] = Field(description="The labels that may be right: it is among them in nine faces of ten.")
    unsure: bool = Field(description="Whether to show it as a doubt and not as an answer.")
    doubts: list[Doubt] = Field(description="Why.")


class GeometryAnswer(_Answer):
    """Distances in a face, in units of the distance between its eyes; left and right as the viewer sees them."""

    mouth_opening: float
    mouth_width: float
    left_brow_height: float
    right_brow_height: float
    left_eye_opening: float
    right_eye_opening: float


class FaceReadingAnswer(_Answer):
    """A face in a picture and how it looks."""

    box_xyxy: list[float] = Field(min_length=4, max_length=4, description="Left, top, right, bottom in pixels.")
    score: float = Field(ge=0, le=1, description="The detector's confidence.")
    landmarks: LandmarksAnswer | None
    emotions: EmotionsAnswer = Field(description="What this picture alone says.")
    track_id: int | None = Field(description="Which person of the video or stream; null in a photo.")
    smooth: EmotionsAnswer | None = Field(description="The emotions made steady along the track; null in a photo.")
    geometry: GeometryAnswer | None = Field(description="Null: the service does not measure it.")


class OptionsAnswer(_Answer):
    """What a reading was made with."""

    detector: str
    labels: str
    min_face_px: float
    min_visible: float
    max_not_a_face: float
    crop_scale: float
    balance: float = Field(description="How far rare emotions are favoured, 0..1; 0 decides for the most probable one.")
    profile: str | None = Field(description="Whose personal profile moved the emotions; null for the model alone.")


class StreamAnswer(_Answer):
    """How the frames of a video or stream were read together."""

    detect_every: int
    smoothing: Smoothing
    smoothing_s: float
    hold: float
    birth_s: float
    memory_s: float


class FrameReadingAnswer(_Answer):
    """Every face of one picture: how each looks to viewers, not what a person feels."""

    size_wh: list[int] = Field(
        min_length=2, max_length=2, description="Width and height of the picture, turned upright."
    )
    faces: list[FaceReadingAnswer] = Field(description="Empty when there is no face.")
    options: OptionsAnswer
    model: str
    model_sha256: str
    index: int = Field(description="Number of the frame in its video or stream; 0 for a photo.")
    time_s: float | None = Field(description="Time of the frame in its video or stream; null for a photo.")
    stream: StreamAnswer | None = Field(description="How frames were read together; null for a photo.")


class JobAnswer(_Answer):
    """A video that is to be read, is being read, or was."""

    id: str = Field(examples=["6vY0tX3mQzWl2bN8aRkDfg"])
    state: JobState
    progress: float = Field(ge=0, le=1, description="Share of the video that was read.")
    frames: int = Field(ge=0, description="Frames that were read.")
    error: str | None = Field(description="Why it failed or, where it is done, what part could not be decoded.")
    created_s: float = Field(description="When it was submitted, in seconds since 1970.")
    expires_s: float | None = Field(description="When it is deleted, in seconds since 1970; null before it has ended.")
    results: list[ResultName] = Field(description="Under /v1/videos/{id}/results/; empty before it is done.")
    notice: str


class ModelsAnswer(_Answer):
    """What reads the pictures."""

    notice: str
    card: dict[str, object] = Field(description="The model's card: labels, scores with their protocol, limits.")
    sha256: str
    detector: str
    labels: str = Field(description="The label set of an answer where the request names none.")
    label_sets: dict[str, dict[str, _Colour]] = Field(description="Label set -> label -> colour (RGB).")


class AboutAnswer(_Answer):
    """What a page of the service has to know."""

    mien: str = Field(description="Version of mien.")
    notice: str
    model: str
    detector: str
    labels: list[str] = Field(description="The label set of live readings, in order.")
    colours: dict[str, _Colour] = Field(description="Label -> colour (RGB).")
    camera: Literal["page", "service"] = Field(description="Whose camera is read: the browser's, or the service's own.")
    consent: bool = Field(description="Whether to ask for consent before the first picture.")
