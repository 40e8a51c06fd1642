"""What becomes of rows that cannot be used: the first one stops the reading, or each is left out and named."""

from mien.errors import DataError

__all__ = ["BadRows"]


class BadRows:
    """Collects one sentence per row that cannot be used.

    Args:
        skip: Go on after a bad row; otherwise the first one stops the reading.
    """

    def __init__(self, *, skip: bool) -> None:
        self.skip = skip
        self._sentences: list[str] = []

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence per row left out, in the order of their discovery."""
        return tuple(self._sentences)

    def add(self, sentence: str) -> None:
        """Leave a row out; the sentence names its file and row, says what was expected and what came.

        Raises:
            DataError: bad rows are not to be skipped.
        """
        if not self.skip:
            raise DataError(f"{sentence}; correct it, or leave such rows out with --skip-bad")
        self._sentences.append(sentence)
