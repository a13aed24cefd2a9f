"""Host names to addresses, and which addresses may be called."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

# Never called, not even when private addresses are allowed: cloud metadata services hand out credentials.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        *("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    )
)
_BROADCAST = ip_address("255.255.255.255")
# Prefixes whose last 32 bits are an IPv4 address: NAT64 (RFC 6052, RFC 8215) and the old IPv4-compatible form.
_CARRIERS = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Internal targets that may be called although they are private.

    Attributes:
        hosts: Names as they stand in URLs, in lower case.
        networks: Addresses.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Allowed":
        """From entries like `alertmanager.internal`, `10.1.2.3` or `10.0.0.0/8`.

        Raises:
            ValueError: Naming the entry that is neither.
        """
        hosts, networks = set(), []
        for entry in entries:
            text = entry.strip().lower().rstrip(".")
            try:
                networks.append(ip_network(text))
            except ValueError as error:
                if "/" in text or not _HOST.fullmatch(text) or re.fullmatch(r"[\d.]+", text):
                    raise ValueError(f"{entry!r} is neither a host name nor an address or CIDR: {error}") from None
                hosts.add(text)
        return cls(frozenset(hosts), tuple(networks))

    def admit(self, host: str, address: Address) -> bool:
        """Whether a host at an address is named here."""
        if host.lower().rstrip(".") in self.hosts:
            return True
        return any(address.version == network.version and address in network for network in self.networks)


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
        if not allow_private and not carrier and not _is_public(one):
            return "it is private or loopback; `allow: [HOST or CIDR]` or `allow_private: true` allows that"
    return None


def _is_public(address: Address) -> bool:
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not site_local


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if any(address in carrier for carrier in _CARRIERS) and not (address.is_loopback or address.is_unspecified):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()
