"""The bearer token that OTLP is sent with, out of a file."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

from sightglass.settings import OTLP_TOKEN_FILE_VARIABLE

HEADER: Final = "authorization"
_logger = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


class BearerToken:
    """Reads the file again when it changed, so that a token is replaced without a restart.

    What can't be used is left out with a warning, once: telemetry never breaks its host.

    Args:
        path: The file; its first word is sent, so that it may list more, as the Collector's does while tokens change.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: Stamp | None = None
        self._problem = ""
        self._value: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """The token of the file that the variable names; None when it names none."""
        name = environ.get(OTLP_TOKEN_FILE_VARIABLE, "").strip()
        # A service may change its working folder later.
        return cls(Path(name).absolute()) if name else None

    def value(self) -> str | None:
        """The header's value now; None when the file holds no token."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._value = f"Bearer {read_token(self._path)}"
                self._stamp, self._problem = stamp, ""
        except (OSError, ValueError) as error:
            self._value, self._stamp = None, None
            self._complain(reason_of(error))
        return self._value

    def in_headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        """The headers of a request, with the token in place of any other authorization."""
        given = dict(headers or {})
        if (value := self.value()) is None:
            return given
        return {**{name: text for name, text in given.items() if name.lower() != HEADER}, HEADER: value}

    def in_metadata(self, metadata: Iterable[tuple[str, str]] | None) -> tuple[tuple[str, str], ...]:
        """The metadata of a gRPC call, likewise."""
        return tuple(self.in_headers(dict(metadata or ())).items())

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            _logger.warning(
                "%s=%s %s; telemetry is sent without a token until it can be read.",
                OTLP_TOKEN_FILE_VARIABLE,
                self._path,
                problem,
            )


def read_token(path: Path) -> str:
    """The first word of a token file.

    Raises:
        OSError: The file can't be read.
        ValueError: It holds no token, or something that no header can carry; the text never holds the content.
    """
    words = path.read_bytes().split()
    if not words:
        raise ValueError("is empty")
    if not all(0x21 <= byte <= 0x7E for byte in words[0]):  # noqa: PLR2004  # printable ASCII
        raise ValueError("holds something else than a token of printable ASCII characters")
    return words[0].decode("ascii")


def reason_of(error: OSError | ValueError) -> str:
    """Why a token file is of no use, as the rest of a sentence that begins with its name."""
    return f"can't be read ({error.strerror})" if isinstance(error, OSError) else str(error)
