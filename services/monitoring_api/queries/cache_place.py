"""Where a Redis is that keeps buckets, and how we log in to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class CachePlace:
    """One Redis.

    Args:
        host: Its name or address.
        port: Its port.
        number: The number of its database.
        tls: Whether it is reached by TLS.
        user: Whom to log in as; None for Redis's `default`.
        password_file: Holds the password, read at each new connection; None to log in without.
        ca_file: Certificate authorities for TLS; None for the system's.
        timeout_seconds: How long an answer may wait for it, each time.
    """

    host: str
    port: int = _PORT
    number: int = 0
    tls: bool = False
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_seconds: float = 0.25

    @classmethod
    def of(
        cls,
        url: str,
        *,
        user: str | None = None,
        password_file: Path | None = None,
        ca_file: Path | None = None,
        timeout_seconds: float = 0.25,
    ) -> Self:
        """The Redis of a URL such as `redis://127.0.0.1:6379/0`; `rediss` stands for TLS.

        Raises:
            ValueError: It is no such URL.
        """
        parts = urlsplit(url)
        number = parts.path.removeprefix("/") or "0"
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
            raise ValueError("not a URL such as redis://127.0.0.1:6379/0, or rediss:// by TLS")
        if parts.query or parts.fragment or not (number.isascii() and number.isdigit()):
            raise ValueError(
                "after the port there may be the database's number and nothing else, as in redis://cache/3"
            )
        # The port of a URL is read when it is asked for, and raises ValueError.
        port = parts.port or _PORT
        tls = parts.scheme == "rediss"
        return cls(parts.hostname, port, int(number), tls, user, password_file, ca_file, timeout_seconds)
