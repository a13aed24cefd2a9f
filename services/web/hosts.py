"""Which Host and Origin headers a server answers: any web page can reach a loopback port, by its own name or ours."""

from collections.abc import Iterable
from typing import Final

from services.web.problems import FieldError, Forbidden, WrongHost
from sightglass.host_names import HostNames

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class HostRule(HostNames):
    """Judges a request's Host, and its Origin, without whose check any page could post to us.

    Args:
        allowed_hosts: Host names answered for besides loopback ones.
        allowed_origins: Whose pages may change something; none named: those of the hosts answered for.
    """

    def __init__(self, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()) -> None:
        super().__init__(allowed_hosts)
        self._origins = frozenset(allowed_origins)

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
        if origin is not None and method not in _SAFE_METHODS and not self.admits_origin(origin):
            raise Forbidden(
                "A page of another origin may not change anything here; the CORS_ORIGINS setting names those that may.",
                errors=[FieldError("Origin", "not a loopback name and not configured")],
            )

    def admits_origin(self, origin: str) -> bool:
        """Whether a page of ``scheme://name[:port]`` may change something."""
        if self._origins:
            return origin.lower() in self._origins
        return super().admits_origin(origin)
