"""Times as people write them: seconds, or hh:mm:ss."""

import math

__all__ = ["clock", "seconds_of", "span_of", "ticks"]


def seconds_of(text: str) -> float:
    """Seconds from "12.5", "1:02.5" or "1:00:02.5".

    Raises:
        ValueError: it is none of these, or negative.

    Example:
        >>> seconds_of("1:02.5")
        62.5
    """
    parts = text.strip().split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    seconds = sum(number * 60.0**place for place, number in enumerate(reversed(numbers)))
    whole_ok = all(number.is_integer() for number in numbers[:-1])
    if not 1 <= len(numbers) <= 3 or not whole_ok or min(numbers) < 0 or not math.isfinite(seconds):
        raise ValueError(f"expected a time in seconds, mm:ss or hh:mm:ss, got {text!r}")
    return seconds


def span_of(text: str) -> tuple[float, float]:
    """Start and end in seconds from "10-12.5" or "0:10-0:12.5".

    Raises:
        ValueError: it is no span, or does not begin before it ends.

    Example:
        >>> span_of("0:10-0:12.5")
        (10.0, 12.5)
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"expected a span such as 10-12.5 or 0:10-0:12, got {text!r}")
    span = seconds_of(start), seconds_of(end)
    if not span[0] < span[1]:
        raise ValueError(f"expected a span that begins before it ends, got {text!r}")
    return span


def clock(seconds: float) -> str:
    """A time for people: m:ss.s, with hours where there are some.

    Example:
        >>> clock(62.54), clock(3600), clock(59.96)
        ('1:02.5', '1:00:00.0', '1:00.0')
    """
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    whole, tenth = divmod(tenths, 10)
    return f"{hours}:{minutes:02d}:{whole:02d}.{tenth}" if hours else f"{minutes}:{whole:02d}.{tenth}"


def ticks(start_s: float, end_s: float, *, count: int) -> list[float]:
    """Round times from start to end, about `count` of them and never more.

    Example:
        >>> ticks(0.5, 3.2, count=4)
        [1.0, 2.0, 3.0]
    """
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
    step_s = next((step for step in steps if (end_s - start_s) / step < count), None)
    if step_s is None:
        step_s = 3600 * math.ceil((end_s - start_s) / 3600 / (count - 1))
    first, last = math.ceil(start_s / step_s - 1e-9), math.floor(end_s / step_s + 1e-9)
    return [round(float(place * step_s), 6) for place in range(first, last + 1)]
