"""Just enough of ClickHouse's lexical rules to find where a statement ends and the data of an INSERT begins.

It never decides what is allowed: whatever it cuts off is what the engine gets, and that is judged by the engine's
parser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
    (?P<space>[\s\x00]+)
  | (?P<comment>--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
  | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NO_DATA_FOLLOWS = frozenset({b"SELECT", b"WITH", b"WATCH", b"INFILE"})


@dataclass(frozen=True)
class InsertHead:
    """An INSERT without its data.

    Attributes:
        statement: the text up to the FORMAT or VALUES word.
        input_format: the format of the data.
        data_start: where the data begins in the text that was given.
    """

    statement: str
    input_format: str
    data_start: int


class Incomplete(Exception):  # noqa: N818  (not an error: the rest of the text has not arrived yet)
    """The text may go on."""


def first_word(text: bytes) -> str:
    """Return the first word of a statement in upper case, after comments and parentheses; empty where there is none."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup in ("space", "comment", "open"):
            continue
        return match.group().decode().upper() if match.lastgroup == "word" else ""
    return ""


def insert_head(text: bytes, *, complete: bool) -> InsertHead | None:
    """Cut an INSERT's statement from its data.

    Args:
        text: the beginning of the body.
        complete: whether the text is all there is.

    Returns:
        None where the INSERT has no data of its own (INSERT ... SELECT, or no format was named).

    Raises:
        Incomplete: the end of the head may not have arrived yet.
    """
    format_word: int | None = None
    for match in _words_outside_parentheses(text):
        if match.end() == len(text) and not complete:
            break
        if format_word is not None:
            start = _after_format(text, match.end())
            if start == len(text) and not complete and not text.endswith(b"\n"):
                break
            return InsertHead(_decoded(text[:format_word]), match.group().decode(), start)
        word = match.group().upper()
        if word == b"FORMAT":
            format_word = match.start()
        elif word == b"VALUES":
            return InsertHead(_decoded(text[: match.start()]), "Values", match.end())
        elif word in _NO_DATA_FOLLOWS:
            return None
    if complete:
        return None
    raise Incomplete


def _words_outside_parentheses(text: bytes) -> Iterator[re.Match[bytes]]:
    depth = 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "open":
            depth += 1
        elif match.lastgroup == "close":
            depth -= 1
        elif match.lastgroup == "word" and depth == 0:
            yield match


def _after_format(text: bytes, position: int) -> int:
    """Skip the blanks and the one line break between the format's name and the data, as ClickHouse does."""
    while text[position : position + 1] in (b" ", b"\t", b"\f"):
        position += 1
    if text[position : position + 1] == b"\r":
        position += 1
    if text[position : position + 1] == b"\n":
        position += 1
    return position


def _decoded(text: bytes) -> str:
    # A comment at the end must not swallow the FORMAT that is put back.
    return text.decode("utf-8", errors="surrogateescape").strip() + "\n"
