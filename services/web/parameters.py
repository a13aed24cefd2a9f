"""Limits on the URL: what no route wants to see is refused before any route sees it."""

from typing import Final
from urllib.parse import unquote_to_bytes

from services.web.problems import BadInput, FieldError, ParameterTooLong

LONGEST_PARAMETER_BYTES: Final = 4096
LONGEST_QUERY_BYTES: Final = 65_536


def check_path(raw_path: bytes) -> None:
    """Refuse a path that is not UTF-8 or holds a NUL.

    Raises:
        BadInput: Naming ``path``.
    """
    if b"%" in raw_path:
        reason = _unreadable(raw_path)
        if reason:
            raise BadInput(f"The path is not acceptable: {reason}.", errors=[FieldError("path", reason)])


def check_query(query: bytes) -> None:
    """Refuse parameters that are too long, not UTF-8, or hold a NUL.

    Raises:
        ParameterTooLong: Naming the parameter over 4 KiB (as sent, percent-encoded or decoded).
        BadInput: Naming the parameter that can't be read.
    """
    if not query:
        return
    if len(query) > LONGEST_PARAMETER_BYTES:
        for name, value in _pairs(query):
            if len(value) > LONGEST_PARAMETER_BYTES or len(name) > LONGEST_PARAMETER_BYTES:
                limit = f"longer than {LONGEST_PARAMETER_BYTES} bytes"
                raise ParameterTooLong(
                    f"The parameter {_shown(name)} is {limit}.", errors=[FieldError(_shown(name), limit)]
                )
    if len(query) > LONGEST_QUERY_BYTES:
        limit = f"longer than {LONGEST_QUERY_BYTES} bytes"
        raise ParameterTooLong(f"The query string is {limit}.", errors=[FieldError("query", limit)])
    if b"%" in query or not query.isascii():
        for name, value in _pairs(query):
            reason = _unreadable(name) or _unreadable(value)
            if reason:
                raise BadInput(
                    f"The parameter {_shown(name)} is not acceptable: {reason}.",
                    errors=[FieldError(_shown(name), reason)],
                )


def _pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    pieces = (piece.partition(b"=") for piece in query.split(b"&"))
    return [(name, value) for name, _, value in pieces]


def _unreadable(encoded: bytes) -> str | None:
    plain = unquote_to_bytes(encoded)
    if b"\0" in plain:
        return "holds a NUL character"
    try:
        plain.decode("utf-8")
    except UnicodeDecodeError:
        return "not valid UTF-8"
    return None


def _shown(name: bytes) -> str:
    return unquote_to_bytes(name).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:80]
