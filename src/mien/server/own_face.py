"""One person's own face on a live socket: a page has its neutral face watched, and reads with what comes of it.

    page -> server   {"type": "neutral", "watch": true}     take the faces of the next pictures as neutral ones
                     {"type": "neutral", "watch": false}    learn from them, and read with the profile
                     {"type": "profile", "profile": ...}    read with this profile; null reads anyone
    server -> page   {"type": "profile", "profile": ..., "summary": ..., "error": ...}   what is read with from now on,
                     null for anyone, and why not otherwise, null if all went well

The profile belongs to the page: the service keeps it as long as the socket, and stores nothing.
"""

import json
from typing import Any

from starlette.websockets import WebSocket

from mien.errors import MediaError
from mien.profiles import Profile
from mien.server.readers import LiveReader
from mien.server.sockets import tell, tell_error

__all__ = ["obey", "tell_profile"]

_UNKNOWN = "expected a binary message, the time and then a picture, got text that asks for nothing known"


async def obey(socket: WebSocket, stream: LiveReader, text: str) -> None:
    """Do what a page's text message asks, and say what is read with now."""
    try:
        match json.loads(text):
            case {"type": "neutral", "watch": True}:
                stream.watching = True
                return
            case {"type": "neutral", "watch": False}:
                await stream.read_with(await stream.learn())
            case {"type": "profile", "profile": dict() as profile}:
                await stream.read_with(json.dumps(profile))
            case {"type": "profile", "profile": None}:
                await stream.read_with(None)
            case _:
                await tell_error(socket, _UNKNOWN)
                return
    except json.JSONDecodeError:
        await tell_error(socket, _UNKNOWN)
    except MediaError as error:
        await tell_profile(socket, stream.profile, error=str(error))
    else:
        await tell_profile(socket, stream.profile)


async def tell_profile(socket: WebSocket, profile: str | None, *, error: str | None = None) -> None:
    """Say with whose profile pictures are read from now on."""
    message: dict[str, Any] = {"type": "profile", "profile": None, "summary": None, "error": error}
    if profile is not None:
        message["profile"] = json.loads(profile)
        message["summary"] = Profile.from_json(profile, source="the profile").summary
    await tell(socket, json.dumps(message))
