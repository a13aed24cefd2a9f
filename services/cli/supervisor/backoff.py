"""How long to wait before a crashed process is started again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Doubles from `first_seconds` to `longest_seconds`; a process that stayed up long enough starts afresh."""

    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    forgiven_after_seconds: float = 60.0

    def delay_seconds(self, crashes_in_a_row: int) -> float:
        """Wait after the n-th crash in a row, counted from 1."""
        doublings = min(crashes_in_a_row - 1, 30)  # 2**30 seconds is beyond any limit
        return min(self.first_seconds * 2.0**doublings, self.longest_seconds)

    def crashes_in_a_row(self, before: int, up_seconds: float) -> int:
        """Count this crash on top of those `before`, unless the process had been up long enough."""
        return 1 if up_seconds >= self.forgiven_after_seconds else before + 1
