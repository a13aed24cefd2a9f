"""What a cache did, as plain numbers: counting must cost next to nothing where answers take microseconds."""

from collections.abc import Callable
from dataclasses import dataclass, field


def _nothing() -> int:
    return 0


@dataclass(slots=True)
class CacheTally:
    """Counts since the process began.

    Args:
        hits: What was there when it was looked for.
        misses: What was not.
        joined: What was being made already for somebody else.
        evictions: What was dropped to make room.
        failures: Times the cache could not be asked, by why.
        size: How many bytes it holds; 0 where it lies in another process.
    """

    hits: int = 0
    misses: int = 0
    joined: int = 0
    evictions: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    size: Callable[[], int] = _nothing

    def failed(self, why: str) -> None:
        """Count a time that it could not be asked."""
        self.failures[why] = self.failures.get(why, 0) + 1
