"""When an answer is due. Time is an argument: nothing here reads a clock."""

from dataclasses import dataclass


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
