"""What an operator can set, once: each setting is a field here, a flag, a variable and a line in a file.

Flags win over variables (`MIEN_PORT=80`), variables over the file (`port = 80` in TOML), the file over the defaults.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, get_args, get_type_hints

from mien.classifier import DEFAULT_MODEL
from mien.errors import SettingsError

__all__ = ["ENVIRONMENT_PREFIX", "Settings", "is_loopback", "settings_table"]

ENVIRONMENT_PREFIX = "MIEN_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SECRET_CHARACTERS = 16


def _setting(default: Any, meaning: str, *, least: float | None = None, most: float | None = None) -> Any:
    """A field with the sentence that the flag's help and the documented table show, its least and its most value."""
    return field(default=default, metadata={"meaning": meaning, "least": least, "most": most})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of the service; `docs/server.md` has the table.

    Raises:
        SettingsError: a value out of range, or an address that others can reach without a token.

    Example:
        >>> Settings(port=9000).port
        9000
        >>> Settings(host="0.0.0.0")
        Traceback (most recent call last):
        mien.errors.SettingsError: host 0.0.0.0 can be reached by others: set a token (MIEN_TOKEN), or host 127.0.0.1
    """

    host: str = _setting("127.0.0.1", "Address to listen on; any but this machine's own needs a token.")
    port: int = _setting(8646, "Port to listen on; 0 takes a free one.", least=0)
    token: str | None = _setting(None, "What clients show as `Authorization: Bearer ...`, and people at /login.")
    allowed_hosts: tuple[str, ...] = _setting((), "Names, besides localhost and addresses, that clients call it by.")
    allowed_origins: tuple[str, ...] = _setting((), "Other web sites whose pages may call it: `https://app.example`.")
    trusted_proxies: tuple[str, ...] = _setting((), "Addresses of proxies whose `X-Forwarded-For` is believed.")
    model: str = _setting(DEFAULT_MODEL, "An embedded model, or a file that `mien export` wrote.")
    detector: str | None = _setting(None, "mtcnn, yunet or haar; yunet where it has been pulled, else mtcnn.")
    labels: str | None = _setting(None, "Label set of the answers where a request names none; the model's first.")
    balance: float = _setting(
        0.0, "Favour rare emotions: 0 not at all, 1 as if all were equally frequent.", least=0, most=1
    )
    readers: int = _setting(0, "Processes that read pictures; 0 takes one a core.", least=0)
    max_photo_bytes: int = _setting(20_000_000, "Larger photos are refused.", least=1)
    max_pixels: int = _setting(50_000_000, "Pictures that claim more are refused before they are decoded.", least=1)
    max_frame_bytes: int = _setting(2_000_000, "Larger pictures on a live socket are refused.", least=1)
    max_video_bytes: int = _setting(500_000_000, "Larger videos are refused.", least=1)
    max_video_s: float = _setting(1800.0, "Longer videos are refused before they are decoded.", least=0)
    read_timeout_s: float = _setting(20.0, "A picture that takes longer is given up and its process killed.", least=0.1)
    video_timeout_s: float = _setting(7200.0, "A video that takes longer is given up and its process killed.", least=1)
    video_stall_s: float = _setting(
        120.0, "A video whose decoder and reader stand still for this long is given up and its process killed.", least=1
    )
    upload_timeout_s: float = _setting(
        30.0,
        "A request's head, and each megabyte of an upload, has to arrive within this; answers are taken in it.",
        least=0.1,
    )
    photo_queue: int = _setting(
        64, "Photos that may wait for a reader, half of them from one client; more get 503.", least=1
    )
    video_queue: int = _setting(16, "Videos that may wait, half of them from one client; more get 503.", least=1)
    connections: int = _setting(512, "Connections at a time, half of them from one client; more get 503.", least=2)
    uploads: int = _setting(64, "Uploads at a time, half of them from one client; more get 503.", least=2)
    live_clients: int = _setting(32, "Live sockets at a time, half of them from one client; more are refused.", least=1)
    rate_per_s: float = _setting(
        50.0, "Requests a second that one client may make on average; more get 429.", least=0.1
    )
    rate_burst: int = _setting(100, "Requests that one client may make at once.", least=1)
    data_dir: str | None = _setting(
        None, "Folder for videos and their results, so that they survive a restart; none keeps nothing after a stop."
    )
    keep_results_s: float = _setting(600.0, "A video's results are deleted this long after it was read.", least=0)
    stop_grace_s: float = _setting(10.0, "On a stop, requests and the running video get this long to end.", least=0)
    consent: bool = _setting(False, "Pages ask for consent before the first picture is read.")

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, least, most = getattr(self, entry.name), entry.metadata["least"], entry.metadata["most"]
            if least is not None and not value >= least:
                raise SettingsError(f"{entry.name} must be {least} or more, got {value}")
            if most is not None and not value <= most:
                raise SettingsError(f"{entry.name} must be {most} or less, got {value}")
        if self.token is not None and (len(self.token) < _SECRET_CHARACTERS or not self.token.isascii()):
            raise SettingsError(
                f"token must be at least {_SECRET_CHARACTERS} ASCII characters, got {len(self.token)}: make one with "
                'python -c "import secrets; print(secrets.token_urlsafe())"'
            )
        if self.token is None and not is_loopback(self.host):
            raise SettingsError(
                f"host {self.host} can be reached by others: set a token (MIEN_TOKEN), or host 127.0.0.1"
            )

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        *,
        file: str | Path | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Self:
        """Settings from flags, environment and file, in this order of precedence.

        Args:
            flags: Values by name of the field; None stands for "not given".
            file: A TOML file; None takes the one that `MIEN_CONFIG` names, if it does.
            environment: Where the variables are looked up.

        Raises:
            SettingsError: the file cannot be read, a name is unknown, or a value is of the wrong type or impossible.
        """
        types = get_type_hints(cls)
        path = file or environment.get(f"{ENVIRONMENT_PREFIX}CONFIG")
        values: dict[str, Any] = _from_file(Path(path), types) if path else {}
        for name, kind in types.items():
            text = environment.get(ENVIRONMENT_PREFIX + name.upper())
            if text is not None:
                values[name] = _parse(ENVIRONMENT_PREFIX + name.upper(), text, kind)
        for name, value in (flags or {}).items():
            if value is not None:
                values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settings_table() -> str:
    """Every setting as the Markdown table of `docs/server.md`."""
    lines = ["| flag | variable | in the file | default | meaning |", "|---|---|---|---|---|"]
    for entry in fields(Settings):
        flag, variable = "--" + entry.name.replace("_", "-"), ENVIRONMENT_PREFIX + entry.name.upper()
        default = _shown(entry)
        lines.append(f"| `{flag}` | `{variable}` | `{entry.name}` | {default} | {entry.metadata['meaning']} |")
    return "\n".join(lines) + "\n"


def _shown(entry: "Field[Any]") -> str:
    if entry.default is None or entry.default == ():
        return ""
    if isinstance(entry.default, bool):
        return f"`{str(entry.default).lower()}`"
    return f"`{entry.default:,}`" if isinstance(entry.default, int) else f"`{entry.default}`"


def _from_file(path: Path, types: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a TOML file, each of its field's type."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise SettingsError(f"{path}: expected a TOML file with settings, got {error}") from None
    for name, value in values.items():
        if name not in types:
            raise SettingsError(f"{path}: unknown setting {name!r}: expected one of {', '.join(types)}")
        values[name] = _checked(f"{path}: {name}", value, types[name])
    return values


def _parse(name: str, text: str, kind: Any) -> Any:
    """A variable's text as its field's type; several values are separated by commas."""
    wanted = _wanted(kind)
    if wanted is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if wanted is bool and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    try:
        return wanted(text) if wanted is not bool else _refuse(name, text, wanted)
    except ValueError:
        return _refuse(name, text, wanted)


def _checked(name: str, value: Any, kind: Any) -> Any:
    """A TOML value as its field's type."""
    wanted = _wanted(kind)
    if wanted is tuple and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if wanted is float and type(value) is int:
        return float(value)
    return value if type(value) is wanted else _refuse(name, value, wanted)


def _wanted(kind: Any) -> type[Any]:
    """The plain type of an annotation: `str` of `str | None`, `tuple` of `tuple[str, ...]`."""
    if isinstance(kind, type):
        return kind
    return tuple if getattr(kind, "__origin__", None) is tuple else next(part for part in get_args(kind) if part)


def _refuse(name: str, value: Any, wanted: type[Any]) -> Any:
    words: Mapping[type[Any], str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        tuple: "a list of texts",
        str: "a text",
    }
    raise SettingsError(f"{name}: expected {words[wanted]}, got {value!r}")
