"""Answers as the OpenAPI document shows them."""

from typing import Any

from fastapi import FastAPI

from mien.results import NOTICE

__all__ = ["JOB", "READING", "show_examples"]

# The sample photo's reading, its numbers shortened.
READING: dict[str, Any] = {
    "size_wh": [512, 512],
    "faces": [
        {
            "box_xyxy": [178.25, 62.87, 268.42, 175.65],
            "score": 0.931645,
            "landmarks": {
                "left_eye": [200.19, 101.69],
                "right_eye": [246.82, 102.44],
                "nose": [220.08, 124.25],
                "mouth_left": [198.89, 142.44],
                "mouth_right": [239.61, 143.4],
            },
            "emotions": {
                "taxonomy": "ferplus",
                "top": "happy",
                "probabilities": {
                    "neutral": 3.2e-05,
                    "happy": 0.999967,
                    "surprise": 0.0,
                    "sad": 0.0,
                    "angry": 0.0,
                    "disgust": 0.0,
                    "fear": 0.0,
                    "contempt": 1e-06,
                },
                "viewers": {
                    "neutral": 0.005304,
                    "happy": 0.992048,
                    "surprise": 0.00042,
                    "sad": 0.000162,
                    "angry": 0.000124,
                    "disgust": 0.000219,
                    "fear": 7.7e-05,
                    "contempt": 0.000672,
                    "unknown": 0.000961,
                    "not_a_face": 1.3e-05,
                },
                "certainty": 0.99987,
                "plausible": ["happy"],
                "unsure": False,
                "doubts": [],
            },
            "track_id": None,
            "smooth": None,
            "geometry": None,
        }
    ],
    "options": {
        "detector": "yunet",
        "labels": "ferplus",
        "min_face_px": 0,
        "min_visible": 0.75,
        "max_not_a_face": 0.1,
        "crop_scale": 1.06,
        "profile": None,
        "balance": 0.0,
    },
    "model": "mien-m",
    "model_sha256": "b2eabc17673ba64a4db7713bfedc9c19bd4721483ff92c1affcd642c4f43a49e",
    "index": 0,
    "time_s": None,
    "stream": None,
}

JOB: dict[str, Any] = {
    "id": "6vY0tX3mQzWl2bN8aRkDfg",
    "state": "running",
    "progress": 0.42,
    "frames": 126,
    "error": None,
    "created_s": 1767225600.0,
    "expires_s": None,
    "results": [],
    "notice": NOTICE,
}


def show_examples(app: FastAPI) -> None:
    """Put them into the document of an application; FastAPI itself would leave out what is null in them."""
    plain = app.openapi

    def with_examples() -> dict[str, Any]:
        document = plain()
        for path, method, status, example in (
            ("/v1/read", "post", "200", READING),
            ("/v1/videos", "post", "202", JOB),
            ("/v1/videos/{job_id}", "get", "200", JOB),
        ):
            answer = document["paths"][path][method]["responses"][status]
            answer["content"]["application/json"]["example"] = example
        return document

    app.openapi = with_examples  # type: ignore[method-assign]  # how FastAPI has its document extended
