"""How detectors run their networks."""

from pathlib import Path

import onnxruntime

__all__ = ["open_session"]

_ERRORS = 3  # ONNX Runtime's level; its warnings are about sizes that a file states and a net does not need


def open_session(model: Path | bytes, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on a few threads that do not spin; safe to share between threads.

    These nets are small: two threads with the default spinning made MTCNN 1.2 to 3 times slower.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
