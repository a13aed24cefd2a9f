"""Statements without anybody's values, and what tells them apart: in the engine's log as in those of its clients."""

import hashlib
import re
from typing import Final

# Literals, comments and white space are what differs between two runs of one query.
_LITERAL: Final = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|'(?:[^'\\]|\\.|'')*'|\b\d[\w.]*", re.DOTALL | re.ASCII
)
_SPACE: Final = re.compile(r"\s+")
# In which form an answer comes says nothing of what was asked; a driver adds it, and its caller never sees it.
_FORMAT: Final = re.compile(r" FORMAT \w+$", re.IGNORECASE)


def normalized(sql: str) -> str:
    """Return a statement with every literal replaced by `?`, so that no value of anyone's reaches a log."""

    def without_value(match: re.Match[str]) -> str:
        return " " if match.group().startswith(("--", "/*")) else "?"

    return _SPACE.sub(" ", _LITERAL.sub(without_value, sql)).strip()


def fingerprint(normalized_sql: str) -> str:
    """Return 16 hexadecimal digits that are the same for every run of one query, whatever form its answer has."""
    text = _FORMAT.sub("", normalized_sql)
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()
