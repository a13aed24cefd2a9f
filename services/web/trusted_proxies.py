"""Whose word is taken for where a request comes from: reverse proxies that are named, and nobody else."""

import ipaddress
from collections.abc import Iterable
from typing import Final

_LEAST_BITS: Final = {4: 8, 6: 16}


def trusted_proxies(given: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks, as they are compared.

    Args:
        given: Addresses, or networks such as ``10.1.2.0/24``.

    Raises:
        ValueError: One is neither, or is so wide that clients would be in it, who could then claim any address.
    """
    return tuple(_judged(text.strip()) for text in given)


def _judged(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network such as 10.1.2.0/24; name the reverse proxies one by one"
        ) from None
    if network.prefixlen < _LEAST_BITS[network.version]:
        raise ValueError(f"{text!r} holds clients too, who could then claim any address; name the reverse proxies only")
    return str(network if "/" in text else network.network_address)
