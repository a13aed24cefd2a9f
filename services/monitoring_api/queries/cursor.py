"""Where an answer in pages goes on: opaque to who holds it, and good for the question it came from alone."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.timerange import TimeRange
from services.web.problems import BadInput

_DIGEST_BYTES: Final = 12
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{16,1024}")
_GREATEST: Final = 2**64 - 1
_LATEST_NS: Final = 2**63 - 1
_LATEST_MS: Final = _LATEST_NS // 1_000_000
_LONGEST_TIE: Final = 256


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page, by what rows are sorted by, and what all pages share.

    Args:
        value: Its time or duration, in nanoseconds.
        tie: What tells rows of one value apart, in the order of the answer.
        span: The range of the first page: `now` does not move from page to page.
        as_of_ms: ClickHouse's time (milliseconds since 1970) at the first page; what arrived later moves no row.
    """

    value: int
    tie: str
    span: TimeRange
    as_of_ms: int


def write_cursor(cursor: Cursor, question: str) -> str:
    """A cursor as URL-safe text.

    Args:
        cursor: The place.
        question: Everything that makes the question what it is, as text.
    """
    span = cursor.span
    payload = json.dumps([cursor.value, cursor.tie, span.start_ns, span.end_ns, cursor.as_of_ms]).encode()
    return _text(_digest(payload, question) + payload)


def read_cursor(text: str, question: str) -> Cursor:
    """Read what `write_cursor` wrote for the same question.

    The digest holds no secret: it tells mistakes from cursors. Whoever forges one reaches nothing that a question does
    not, for what is in it is checked and bound like any parameter.

    Raises:
        BadInput: Naming ``cursor``, when it is none, was changed, or belongs to another question.
    """
    if not _TEXT.fullmatch(text):
        raise not_of_this_question()
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""
    digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if _text(raw) != text or digest != _digest(payload, question):
        raise not_of_this_question()
    try:
        value, tie, start, end, as_of = json.loads(payload)
    except (ValueError, TypeError) as error:
        raise not_of_this_question() from error
    numbers = ((value, _GREATEST), (start, _LATEST_NS), (end, _LATEST_NS), (as_of, _LATEST_MS))
    if not all(_is_number(number, most) for number, most in numbers) or not _is_tie(tie) or start >= end:
        raise not_of_this_question()
    return Cursor(value, tie, TimeRange(start, end), as_of)


def not_of_this_question() -> BadInput:
    """The problem of a cursor that can't be used."""
    return bad_field("cursor", "not a cursor of this question; give next_cursor as it came, with the same parameters")


def _digest(payload: bytes, question: str) -> bytes:
    # JSON holds no NUL, so where one ends and the other begins is not in doubt.
    return hashlib.blake2b(payload + b"\0" + question.encode(), digest_size=_DIGEST_BYTES).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _is_number(number: Any, most: int) -> bool:
    # A bool is an int too.
    return type(number) is int and 0 <= number <= most


def _is_tie(tie: Any) -> bool:
    return isinstance(tie, str) and 0 < len(tie) <= _LONGEST_TIE and "\0" not in tie and tie.isprintable()
