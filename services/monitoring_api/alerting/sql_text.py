"""SQL as a rule brings it: what can be checked of it without a database, and how its times are bound."""

import re
from collections.abc import Iterable
from typing import Final

MAXIMUM_CHARACTERS: Final = 10_000

# Quoted text is skipped over, so that nothing in it is taken for syntax.
_PIECE: Final = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<open>\()|(?P<close>\))|(?P<end>;)|(?P<bound>\{\s*(?P<name>\w+)\s*:\s*(?P<type>[^{}]+?)\s*\})",
    re.DOTALL,
)
_BEGINNING: Final = re.compile(r"(?:SELECT|WITH)\b", re.IGNORECASE)
_TIME: Final = re.compile(r"DateTime64\(\s*9\s*\)")
_TIMES: Final = ("from", "to")


def check_sql(text: str) -> str:
    """Return the statement without its last semicolon when it can be asked; its grammar is ClickHouse's to judge.

    Raises:
        ValueError: When it isn't one SELECT over {from:DateTime64(9)} and {to:DateTime64(9)}.
    """
    sql = text.strip()
    if len(sql) > MAXIMUM_CHARACTERS:
        raise ValueError(f"longer than {MAXIMUM_CHARACTERS:,} characters")
    pieces = list(_PIECE.finditer(sql))
    end = next((piece.start() for piece in pieces if piece["end"]), len(sql))
    if _without_comments(sql[end + 1 :]):
        raise ValueError("more than one statement: a rule asks one SELECT")
    if not _BEGINNING.match(_without_comments(sql)):
        raise ValueError("not a SELECT: a rule only reads, and its statement begins with SELECT or WITH")
    _check_parentheses(pieces)
    bound = {_time_of(piece) for piece in pieces if piece["bound"]}
    missing = " and ".join(f"{{{name}:DateTime64(9)}}" for name in _TIMES if name not in bound)
    if missing:
        raise ValueError(f"does not use {missing}: without its window a rule would judge all of history")
    return sql[:end].rstrip()


def bound_times(sql: str) -> str:
    """The statement with its times as epoch nanoseconds, `{from:Int64}` and `{to:Int64}`: no time zone shifts them."""

    def replaced(piece: re.Match[str]) -> str:
        return f"fromUnixTimestamp64Nano({{{piece['name']}:Int64}}, 'UTC')" if piece["bound"] else piece.group()

    return _PIECE.sub(replaced, sql)


def _without_comments(sql: str) -> str:
    return _PIECE.sub(lambda piece: " " if piece["comment"] else piece.group(), sql).strip()


def _check_parentheses(pieces: Iterable[re.Match[str]]) -> None:
    """One that is closed too early would end the query that the statement is put into."""
    depth = 0
    for piece in pieces:
        depth += bool(piece["open"]) - bool(piece["close"])
        if depth < 0:
            raise ValueError("a parenthesis is closed that was never opened")
    if depth:
        raise ValueError("a parenthesis is never closed")


def _time_of(piece: re.Match[str]) -> str:
    name, kind = piece["name"], piece["type"]
    if name not in _TIMES:
        raise ValueError(
            f"{{{name}:{kind}}} is bound by nobody; there are {{from:DateTime64(9)}} and {{to:DateTime64(9)}}"
        )
    if not _TIME.fullmatch(kind):
        raise ValueError(f"{{{name}:{kind}}} must be {{{name}:DateTime64(9)}}: columns of times have nanoseconds")
    return name
