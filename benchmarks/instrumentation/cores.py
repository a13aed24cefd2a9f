"""Which core belongs to the service, and which to everything else."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Cores:
    """The machine's cores, shared out.

    Args:
        service: The service's alone.
        others: For the client, the relay and the Collector, which should take none of the service's time.
    """

    service: frozenset[int]
    others: frozenset[int]

    @classmethod
    def share_out(cls) -> Self:
        """The first core for the service, all others for the rest; with a single one both have it."""
        usable = frozenset(os.sched_getaffinity(0))
        service = frozenset({min(usable)})
        return cls(service, usable - service or service)
