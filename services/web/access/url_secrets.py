"""Tokens in URLs: refused, for URLs end up in logs, histories and other people's servers."""

import base64
import binascii
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from services.web.access.tokens import TOKEN_LOOK

_PARAMETERS: Final = frozenset({b"token", b"access_token", b"api_key", b"api-key", b"apikey", b"authorization"})
_BASIC: Final = b"basic "
_LONGEST_BASIC: Final = 4096


def holds_secret(raw_path: bytes, query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request's URL carries a token, or what is meant as one.

    Args:
        raw_path: The path as sent.
        query: The query string as sent.
        headers: Names in lower case; a URL's user info arrives in Host or, as clients do it, as Basic authorization.
    """
    if TOKEN_LOOK.search(unquote_to_bytes(raw_path)):
        return True
    if query and (TOKEN_LOOK.search(unquote_to_bytes(query)) or _names_secret(query)):
        return True
    for name, value in headers:
        if name == b"host" and TOKEN_LOOK.search(value):
            return True
        if name == b"authorization" and value[: len(_BASIC)].lower() == _BASIC and _holds_token(value):
            return True
    return False


def _names_secret(query: bytes) -> bool:
    pieces = query.replace(b";", b"&").split(b"&")
    return any(unquote_to_bytes(piece.partition(b"=")[0]).strip().lower() in _PARAMETERS for piece in pieces)


def _holds_token(basic: bytes) -> bool:
    try:
        text = base64.b64decode(basic[len(_BASIC) : _LONGEST_BASIC].strip())
    except (binascii.Error, ValueError):
        return False
    return TOKEN_LOOK.search(text) is not None
