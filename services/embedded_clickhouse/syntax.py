"""Statements as the engine itself parses them."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from services.embedded_clickhouse.engine import Engine
from services.embedded_clickhouse.errors import ClickHouseError, access_denied, bad_arguments

Tree = Mapping[str, Any]

_BAD_ARGUMENTS = 36
# Statements are asked again and again, but the tree of a very long one is not worth its memory.
_REMEMBERED_CHARACTERS = 16_384
_SCOPE = re.compile(r":? In scope SELECT (?:parseQueryToJSON|formatQuerySingleLine)\(.*\)\.?$", re.DOTALL)
_NOT_SERIALISED = re.compile(
    r"AST node of type '(\w+?)(?:_\w*)?' does not support JSON|is not supported by parseQueryToJSON"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
_NAME = r"(?:`(?:[^`\\])+`|\w+)"
_DESCRIBE = re.compile(r"^DESCRIBE TABLE (?P<table>.+)$", re.DOTALL)
_ABOUT_TABLE = re.compile(
    rf"^(?P<verb>SHOW CREATE|EXISTS) (?P<kind>TABLE|VIEW|DATABASE|DICTIONARY)? ?"
    rf"(?P<name>{_NAME}(?:\.{_NAME})?)(?: FORMAT (?P<format>\w+))?$"
)


@dataclass(frozen=True)
class Parsed:
    """A statement and its tree.

    Attributes:
        sql: the text to run; it is the text that was parsed, or the engine's own formatting of it.
        kind: the type of the statement, such as `SelectWithUnionQuery`.
        tree: what is to be judged.
        output_format: the FORMAT named in the text.
    """

    sql: str
    kind: str
    tree: Tree = field(repr=False)
    output_format: str = ""


class Parser:
    """Asks the engine for the syntax tree of statements, on a session of its own."""

    def __init__(self, engine: Engine, *, max_query_bytes: int, cache_entries: int = 1024) -> None:
        # The text travels escaped inside another statement, so it may double.
        self._session = engine.session(
            settings={"max_query_size": str(4 * max_query_bytes), "max_parser_depth": "1000", "max_threads": "1"}
        )
        self._lock = threading.Lock()
        self._known: LRUCache[str, Parsed] = LRUCache(cache_entries)
        self._known_lock = threading.Lock()

    def close(self) -> None:
        """Drop the session."""
        self._session.close()

    def parse(self, sql: str) -> Parsed:
        """Parse one statement; several are an error.

        Raises:
            ClickHouseError: 62 where the text is not one statement, 497 where nothing can be known about it.
        """
        parsed = self._parse(sql)
        if len(sql) <= _REMEMBERED_CHARACTERS:
            with self._known_lock:
                self._known[sql] = parsed
        return parsed

    def remembered(self, sql: str) -> Parsed | None:
        """The statement, where it was parsed before; never blocks for long."""
        with self._known_lock:
            return self._known.get(sql)

    def _parse(self, sql: str) -> Parsed:
        try:
            tree = json.loads(self._ask("parseQueryToJSON", sql))
        except ClickHouseError as error:
            if error.code == _BAD_ARGUMENTS and _NOT_SERIALISED.search(error.text):
                return self._parse_about_tables(sql)
            raise
        return Parsed(sql, tree["type"], tree, _format_of(tree))

    def _parse_about_tables(self, sql: str) -> Parsed:
        """Read the statements without a JSON form from the engine's formatting of them, which then is what runs."""
        canonical = self._ask("formatQuerySingleLine", sql).strip()
        describe = _DESCRIBE.match(canonical)
        if describe:
            select = f"SELECT * FROM {describe['table']}"  # noqa: S608  (parsed to be judged, never run)
            tree = json.loads(self._ask("parseQueryToJSON", select))
            return Parsed(canonical, "DescribeQuery", tree, _format_of(tree))
        about = _ABOUT_TABLE.match(canonical)
        if about:
            parts = [part.strip("`") for part in re.findall(_NAME, about["name"])]
            if about["kind"] == "DATABASE":
                parts = [parts[0], ""]
            identifier = {"type": "TableIdentifier", "name": ".".join(parts), "name_parts": parts}
            kind = "ExistsQuery" if about["verb"] == "EXISTS" else "ShowCreateQuery"
            return Parsed(canonical, kind, {"type": kind, "table": identifier}, about["format"] or "")
        raise access_denied("This kind of statement is not allowed through the embedded ClickHouse.")

    def _ask(self, function: str, sql: str) -> str:
        try:
            parameters = {"statement": _escaped(sql)}
        except UnicodeEncodeError:
            raise bad_arguments("The statement must be valid UTF-8.") from None
        try:
            with self._lock:
                piece = self._session.query(f"SELECT {function}({{statement:String}})", "TabSeparatedRaw", parameters)
        except ClickHouseError as error:
            raise ClickHouseError(error.code, error.name, _SCOPE.sub(".", error.text)) from error
        return piece.data.decode(errors="replace")


def _escaped(sql: str) -> str:
    sql.encode()
    return sql.translate(_ESCAPES)


def _format_of(tree: Tree) -> str:
    if isinstance(tree.get("format"), str):
        return str(tree["format"])
    named = tree.get("format_ast")
    return str(named["name"]) if named else ""
