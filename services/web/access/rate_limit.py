"""How often a client may ask, counted in this process's memory."""

import ipaddress
import math
import time
from functools import lru_cache
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

# Nobody guesses 256 bits; this keeps those who try from filling the audit log.
_MOST_FAILURES: Final = 10
_IPV6_NETWORK_BITS: Final = 64


class RateLimit:
    """Counts the requests of each client over a sliding second.

    Args:
        requests_per_second: How many one client may send.
    """

    def __init__(self, requests_per_second: int) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerSecond(requests_per_second, namespace="requests")
        self._failures = RateLimitItemPerSecond(min(_MOST_FAILURES, requests_per_second), namespace="failures")

    def take(self, client: str) -> int:
        """Count a request: 0 when it may go on, else the seconds to wait."""
        return self._wait(self._requests, client)

    def take_failure(self, address: str) -> int:
        """Count a request whose token is not good: 0 when it may be answered so, else the seconds to wait."""
        return self._wait(self._failures, address)

    def _wait(self, item: RateLimitItemPerSecond, client: str) -> int:
        if self._limiter.hit(item, client):
            return 0
        return max(1, math.ceil(self._limiter.get_window_stats(item, client).reset_time - time.time()))


@lru_cache(1_024)
def network_of(address: str) -> str:
    """What is counted as one client: an address, or of IPv6 the network that one subscriber has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004  (IPv4)
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
