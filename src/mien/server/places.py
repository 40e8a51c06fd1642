"""How many may be served at once: places, of which no client takes more than half."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from mien.errors import ServiceBusyError

__all__ = ["Places"]


class Places:
    """Places, and who holds them.

    Args:
        most: How many there are.
        exempt: Those who may take all of them.

    Example:
        >>> places = Places(4)
        >>> [places.enter(client) for client in ("a", "a", "a", "b", "c", "c")]
        [True, True, False, True, True, False]
        >>> places.leave("a")
        >>> places.enter("c")
        True
    """

    def __init__(self, most: int, *, exempt: tuple[str, ...] = ()) -> None:
        self._most, self._exempt = most, exempt
        self._held: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Take a place, if there is one for this client."""
        share = self._most if client in self._exempt else max(1, self._most // 2)
        if self._held.total() >= self._most or self._held[client] >= share:
            return False
        self._held[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Give a place back."""
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]

    @contextmanager
    def place(self, client: str, *, busy: str, retry_after_s: float) -> Iterator[None]:
        """A place as long as the block lasts.

        Raises:
            ServiceBusyError: there is none; `busy` is its sentence.
        """
        if not self.enter(client):
            raise ServiceBusyError(busy, retry_after_s=retry_after_s)
        try:
            yield
        finally:
            self.leave(client)
