"""Which Host and Origin headers a server answers: any web page can reach a loopback port, by its own name or ours."""

import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from services.web.problems import FieldError, Forbidden, WrongHost

_LOOPBACK_NAMES: Final = frozenset({"localhost"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class HostRule:
    """Admits loopback names and the configured ones (``*.example.org`` covers subdomains, ``*`` everything).

    Without it a page whose name is made to resolve to 127.0.0.1 could read answers (DNS rebinding), and without the
    Origin check any page could post to us.

    Args:
        allowed_hosts: Host names answered for besides loopback ones.
        allowed_origins: Whose pages may change something; none named: those of the hosts answered for.
    """

    def __init__(self, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(allowed_origins)
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

    def check(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Refuse a foreign Host, and a foreign Origin where the method changes something.

        Raises:
            WrongHost: The Host header is missing or names another host.
            Forbidden: A page of another origin sends this.
        """
        hosts = []
        origin = None
        for name, value in headers:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origin = value.decode("latin-1")
        if len(hosts) != 1 or not self.admits(hosts[0]):
            raise WrongHost(
                "This server does not answer for the host that was asked; name it in the ALLOWED_HOSTS setting.",
                errors=[FieldError("Host", "not a loopback name and not configured")],
            )
        if origin is not None and method not in _SAFE_METHODS and not self._admits_origin(origin):
            raise Forbidden(
                "A page of another origin may not change anything here; the CORS_ORIGINS setting names those that may.",
                errors=[FieldError("Origin", "not a loopback name and not configured")],
            )

    def _admits_origin(self, origin: str) -> bool:
        if self._origins:
            return origin.lower() in self._origins
        return self.admits(origin.partition("://")[2])
