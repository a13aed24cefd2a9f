"""When to try again: exponential back-off with jitter. The randomness is an argument."""

from collections.abc import Callable
from dataclasses import dataclass

LONGEST_ASKED_SECONDS = 3_600.0
_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between attempts.

    Attributes:
        initial_seconds: The first.
        maximum_seconds: The longest, and that after an error which trying again won't mend.
    """

    initial_seconds: float = 1.0
    maximum_seconds: float = 300.0

    def delay(
        self,
        attempts: int,
        random: Callable[[], float],
        *,
        retry_after_seconds: float | None = None,
        permanent: bool = False,
    ) -> float:
        """Seconds until the next attempt.

        Args:
            attempts: How many have failed before this failure.
            random: Gives a number in [0, 1).
            retry_after_seconds: What the receiver asked for; never undercut, an hour at most.
            permanent: Whether trying soon is pointless.
        """
        grown = self.initial_seconds * 2.0 ** min(attempts, _MOST_DOUBLINGS)
        longest = self.maximum_seconds if permanent else min(self.maximum_seconds, grown)
        # Half fixed, half random: spread out, but never at once.
        delay = longest * (0.5 + random() / 2)
        return max(delay, min(retry_after_seconds or 0.0, LONGEST_ASKED_SECONDS))
