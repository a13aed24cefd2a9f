"""How long a sender waits before it tries again what failed."""

from typing import Final

_FIRST_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 5.0


def growing_pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: from a fifth of one, doubling up to five.

    Args:
        failures: At least 1.
    """
    return min(_FIRST_SECONDS * (1 << min(failures, 10)), _LONGEST_SECONDS)
