"""Times as people write them."""

import pytest

from mien.summary.times import clock, seconds_of, span_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), (" 12.5 ", 12.5), ("1:02.5", 62.5), ("01:00:00", 3600), ("0:90", 90)]
)
def test_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "a", "1:2:3:4", "-1", "1:-2", "1.5:00", "inf", "nan", "1:", ":5"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time in seconds, mm:ss or hh:mm:ss, got"):
        seconds_of(text)


def test_spans() -> None:
    assert span_of("10-0:12") == (10, 12)
    for text in ("10", "12-10", "5-5", "a-b"):
        with pytest.raises(ValueError, match="expected a "):
            span_of(text)


def test_clock() -> None:
    assert [clock(seconds) for seconds in (0, 9.96, 59.94, 3599.99)] == ["0:00.0", "0:10.0", "0:59.9", "1:00:00.0"]
