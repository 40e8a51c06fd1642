"""How detectors run their networks."""

from pathlib import Path

import onnxruntime

__all__ = ["one_thread_session"]


def one_thread_session(path: Path) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the calling thread; safe to share between threads.

    These nets are small: two threads with the default spinning made MTCNN 1.2 to 3 times slower.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
