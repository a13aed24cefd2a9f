"""By which host names a server of ours answers: any web page can reach a loopback port, by its own name or ours."""

import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK_NAMES: Final = frozenset({"localhost"})


class HostNames:
    """Admits loopback names and the configured ones (``*.example.org`` covers subdomains, ``*`` everything).

    Without it a page whose name is made to resolve to 127.0.0.1 could read answers (DNS rebinding).

    Args:
        allowed_hosts: Host names answered for besides loopback ones.
    """

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        names = [name.strip().lower().rstrip(".") for name in allowed_hosts if name.strip()]
        self._everything = "*" in names
        self._names = frozenset(name for name in names if not name.startswith("*"))
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))

    def admits(self, authority: str) -> bool:
        """Whether ``name[:port]`` is one of ours."""
        if "@" in authority:
            return False
        if self._everything:
            return True
        try:
            name = (urlsplit(f"//{authority}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in _LOOPBACK_NAMES or name in self._names or name.endswith(self._suffixes):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def admits_origin(self, origin: str) -> bool:
        """Whether a page of ``scheme://name[:port]`` is one of ours."""
        return self.admits(origin.partition("://")[2])
