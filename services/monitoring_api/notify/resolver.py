"""Host names to addresses, and which addresses may be called."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

# Never called, not even with allow_private: cloud metadata services hand out credentials.
_METADATA = frozenset(
    ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
)
_BROADCAST = ip_address("255.255.255.255")
_NAT64 = ip_network("64:ff9b::/96")


async def system_resolve(host: str, port: int) -> Sequence[Address]:
    """Every address that the system's resolver gives, without duplicates."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A link-local address may come with a %scope that ip_address understands.
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


def refusal(address: Address, *, allow_private: bool) -> str | None:
    """Why an address must not be called; None when it may be.

    Args:
        address: The address; one that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged by both.
        allow_private: Whether private and loopback addresses are wanted.
    """
    for one in (address, *_embedded(address)):
        if one in _METADATA:
            return "it is a cloud metadata service"
        if one.is_link_local:
            return "it is link-local"
        if one.is_multicast or one.is_unspecified or one == _BROADCAST:
            return "it is not the address of one host"
        carrier = one is address and bool(_embedded(address))
        if not allow_private and not carrier and not one.is_global:
            return "it is private or loopback; `allow_private: true` allows that for an internal receiver"
    return None


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()
