"""The errors that mien raises, as a tree.

    MienError
    ├── MediaError (ValueError)            a photo or video that cannot be read
    │   └── MediaTooLargeError             it claims more pixels than the limit
    ├── DataError (ValueError)             a data set with rows that cannot be used
    ├── CardError (ValueError)             a model file without a usable card
    ├── ProfileError (ValueError)          a personal profile of another model, or that does not help
    ├── RecipeError (ValueError)           a training recipe with an unknown or impossible value
    ├── RunError (ValueError)              a training run's folder or devices that cannot be used so
    ├── ExportError (RuntimeError)         an exported model that does not answer as its source
    ├── WeightsError (OSError)             a weight file that is not there or not what it should be
    │   ├── WeightsMissingError            known, but not on this machine yet
    │   ├── ChecksumError                  bytes differ from the pinned SHA-256
    │   └── DownloadError                  the transfer failed
    ├── SettingsError (ValueError)         a setting of the service that cannot be
    ├── ServiceError (ConnectionError)     a mien service that cannot be reached, or refuses
    │   └── ServiceBusyError               it has too much to do: try again in `retry_after_s`
    ├── EngineError (RuntimeError)         the workers of a batch that cannot start, or cannot write
    ├── DiskFullError (OSError)            there is no room for an output
    ├── WindowError (RuntimeError)         no window can be opened on this machine
    └── MissingExtraError (ImportError)    an optional part of mien is not installed

Each also inherits the builtin that a caller would catch. Every message says what was expected, what came
and what to do. "No face" is not an error: it is an empty result.
"""

__all__ = [
    "CardError",
    "ChecksumError",
    "DataError",
    "DiskFullError",
    "DownloadError",
    "EngineError",
    "ExportError",
    "MediaError",
    "MediaTooLargeError",
    "MienError",
    "MissingExtraError",
    "ProfileError",
    "RecipeError",
    "RunError",
    "ServiceBusyError",
    "ServiceError",
    "SettingsError",
    "WeightsError",
    "WeightsMissingError",
    "WindowError",
]


class MienError(Exception):
    """Anything that mien raises on purpose."""


class MediaError(MienError, ValueError):
    """A photo or video that cannot be read."""


class MediaTooLargeError(MediaError):
    """A picture that claims more pixels than the limit; raised before it is decoded."""


class DataError(MienError, ValueError):
    """A data set with rows or files that cannot be used."""


class CardError(MienError, ValueError):
    """A model file whose card is absent or does not fit."""


class ProfileError(MienError, ValueError):
    """A personal profile that belongs to another model, cannot be read, or would not help."""


class RecipeError(MienError, ValueError):
    """A training recipe with an unknown field or an impossible value."""


class RunError(MienError, ValueError):
    """A training run's folder that is taken, incomplete, or of another recipe or other data."""


class ExportError(MienError, RuntimeError):
    """An exported model that does not answer as the one that it came from."""


class WeightsError(MienError, OSError):
    """A weight file that is not there, or is not what it should be."""


class WeightsMissingError(WeightsError):
    """A known weight file that is not on this machine yet."""


class ChecksumError(WeightsError):
    """A file whose bytes differ from the pinned SHA-256."""


class DownloadError(WeightsError):
    """A download that failed; what had arrived is kept and resumed next time."""


class SettingsError(MienError, ValueError):
    """A setting of the service that is unknown, of the wrong type, or unsafe."""


class ServiceError(MienError, ConnectionError):
    """A mien service that cannot be reached, or refuses."""


class ServiceBusyError(ServiceError):
    """A mien service that has too much to do just now.

    Args:
        message: What it said.
        retry_after_s: Seconds after which it asks to be tried again.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineError(MienError, RuntimeError):
    """The workers of a batch that cannot start, or cannot write what they read."""


class DiskFullError(MienError, OSError):
    """There is no room for an output; nothing half-written is left of it."""


class WindowError(MienError, RuntimeError):
    """No window can be opened: there is no desktop, or OpenCV has no windows."""


class MissingExtraError(MienError, ImportError):
    """An optional part of mien is not installed.

    Example:
        >>> raise MissingExtraError("training", extra="train")
        Traceback (most recent call last):
        mien.errors.MissingExtraError: training needs packages that are not installed: run pip install "mien[train]"
    """

    def __init__(self, purpose: str, *, extra: str) -> None:
        super().__init__(f'{purpose} needs packages that are not installed: run pip install "mien[{extra}]"')
