"""How much a prediction service takes on at once, and for how long."""

from dataclasses import dataclass
from typing import Final

LARGE_ITEMS: Final = 20
"""From here on a batch is milliseconds of work: other requests should not wait for it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one worker process.

    Args:
        deadline_seconds: How long a prediction may take from the moment its body was read.
        concurrent_calls: Model calls at once; batches of 20 and more have a turn of their own beside these.
        waiting_requests: Requests that may wait for such a call, or for their weather.
        waiting_batches: Batches of 20 and more that may wait for theirs.
    """

    deadline_seconds: float = 4.0
    concurrent_calls: int = 4
    waiting_requests: int = 256
    waiting_batches: int = 16
