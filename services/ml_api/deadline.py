"""When an answer is due. Time is an argument: nothing here reads a clock."""

from dataclasses import dataclass
from typing import Final

from services.web.problems import BadInput, FieldError

TIMEOUT_HEADER: Final = "x-request-timeout"
_LONGEST_TEXT: Final = 20


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds, until which an answer is of use."""

    at: float

    @classmethod
    def after(cls, seconds: float, *, now: float) -> "Deadline":
        """The deadline `seconds` from `now`."""
        return cls(now + seconds)

    def remaining(self, now: float) -> float:
        """Seconds left; 0 when it has passed."""
        return max(0.0, self.at - now)

    def passed(self, now: float) -> bool:
        """Whether it is over."""
        return now >= self.at

    def all_but(self, share: float, *, now: float) -> "Deadline":
        """An earlier deadline that leaves `share` (0 to 1) of the time remaining for what comes after it."""
        return Deadline(self.at - share * self.remaining(now))


def timeout_seconds(asked: str | None, longest_seconds: float) -> float:
    """How long a request may take: what its header asks for, at most `longest_seconds`.

    Args:
        asked: The header ``X-Request-Timeout``: seconds, as a decimal number; None when it was not sent.
        longest_seconds: The service's own limit, and what holds without the header.

    Raises:
        BadInput: The header is not a positive number.
    """
    if asked is None:
        return longest_seconds
    try:
        seconds = float(asked) if len(asked) <= _LONGEST_TEXT and asked.isascii() else 0.0
    except ValueError:
        seconds = 0.0
    # Written so that NaN is refused too.
    if not seconds > 0:
        raise BadInput(
            "X-Request-Timeout is not acceptable: it has to be a positive number of seconds.",
            errors=[FieldError("X-Request-Timeout", "not a positive number of seconds")],
        )
    return min(seconds, longest_seconds)
