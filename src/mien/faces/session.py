"""How detectors run their networks."""

import os

import onnxruntime

__all__ = ["THREADS", "open_session"]

THREADS = min(2, os.cpu_count() or 1)
"""Threads of a photo's networks."""

_ERRORS = 3  # ONNX Runtime's level; its warnings are about sizes that a file states and a net does not need


def open_session(model: bytes, *, threads: int = THREADS) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on threads that do not spin; safe to share between threads.

    On two idle cores a second thread saves a tenth to a sixth of MTCNN's time and up to a quarter of YuNet's; beside
    other work it costs about a tenth. Threads that spin made MTCNN 1.2 to 3 times slower.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
