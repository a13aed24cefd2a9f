"""Request bodies: bounded, JSON only, and strictly JSON, before any route reads them."""

import asyncio
import json
import re
from typing import Any, Final, NoReturn

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.web.problems import FieldError, MalformedBody, Problem, TooLarge, UnsupportedMediaType

# What Python's json takes although it is not JSON or can't be stored as text; a cheap search finds the bodies that need
# a closer look.
_SUSPICIOUS: Final = re.compile(rb"NaN|Infinity|\\u0000|\\[uU][dD][89a-fA-F]")
_JSON_TYPE: Final = re.compile(rb"application/(?:[\w.+-]+\+)?json", re.IGNORECASE)


class BodyTimeout(Problem):
    """The body did not arrive in time."""

    status = 408
    title = "Request timeout"
    type = "urn:sightglass:problem:request-timeout"


class BodyLimits:
    """ASGI middleware: reads the body within its limits, once it is clear that the request may be answered.

    Args:
        app: The application behind it.
        max_body_bytes: The longest request body taken.
        timeout_seconds: How long a body may take to arrive.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, timeout_seconds: float = 30.0) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            try:
                receive = await admit_body(
                    scope, receive, limit_bytes=self._max_body_bytes, timeout_seconds=self._timeout_seconds
                )
            except Problem as problem:
                await problem.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def admit_body(scope: Scope, receive: Receive, *, limit_bytes: int, timeout_seconds: float) -> Receive:
    """Read the body within its limits and return a `receive` that replays it.

    Args:
        scope: The request's ASGI scope.
        receive: The server's own `receive`.
        limit_bytes: The longest body taken; a longer one is refused as soon as that is known, unread.
        timeout_seconds: How long the whole body may take to arrive.

    Raises:
        TooLarge: By Content-Length, or once that many bytes came.
        UnsupportedMediaType: Not JSON, not UTF-8 or compressed.
        MalformedBody: Not UTF-8, or NaN, Infinity, NUL or lone surrogates inside.
        BodyTimeout: It took too long.
    """
    headers = {name: value for name, value in scope["headers"] if name.startswith((b"content-", b"transfer-"))}
    length = headers.get(b"content-length")
    if length in (None, b"0") and b"transfer-encoding" not in headers:
        return receive
    if length is not None and length.isdigit() and int(length[:20]) > limit_bytes:
        raise _too_large(limit_bytes)
    _check_type(headers)
    chunks: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(timeout_seconds):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return _replay(b"".join(chunks), receive, disconnected=True)
                chunk = message.get("body", b"")
                total += len(chunk)
                if total > limit_bytes:
                    raise _too_large(limit_bytes)
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError:
        raise BodyTimeout(f"The body did not arrive within {timeout_seconds:g} seconds.") from None
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    _check_json(body)
    return _replay(body, receive)


def _replay(body: bytes, receive: Receive, *, disconnected: bool = False) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": disconnected}]
    if disconnected:
        waiting.append({"type": "http.disconnect"})

    async def replayed() -> Message:
        return waiting.pop(0) if waiting else await receive()

    return replayed


def _check_type(headers: dict[bytes, bytes]) -> None:
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType(
            "Send the body uncompressed.", errors=[FieldError("Content-Encoding", "compressed bodies are not read")]
        )
    media_type, _, parameters = headers.get(b"content-type", b"").partition(b";")
    if not _JSON_TYPE.fullmatch(media_type.strip()):
        # Also what keeps other pages' forms out: they can't send this type without asking first.
        raise UnsupportedMediaType(
            "Send the body as application/json.", errors=[FieldError("Content-Type", "must be application/json")]
        )
    name, _, charset = parameters.strip().lower().partition(b"=")
    if name.strip() == b"charset" and charset.strip(b"\"' ") not in (b"utf-8", b"utf8", b"us-ascii"):
        raise UnsupportedMediaType("Send the body in UTF-8.", errors=[FieldError("Content-Type", "must be UTF-8")])


def _check_json(body: bytes) -> None:
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _malformed(f"not UTF-8 at byte {error.start}") from None
    if b"\0" in body:
        raise _malformed(f"a NUL at byte {body.index(0)}")
    if _SUSPICIOUS.search(body):
        try:
            value = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            # Not JSON at all: whoever parses it for the route says so, with the position.
            return
        _check_text(value)


def _refuse_constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not a JSON value")


def _check_text(value: Any, path: str = "") -> None:
    """Refuse text that no database keeps: NUL characters and halves of surrogate pairs."""
    stack = [(value, path)]
    while stack:
        item, where = stack.pop()
        if isinstance(item, dict):
            stack.extend((key, where) for key in item)
            stack.extend((child, f"{where}.{key}" if where else key) for key, child in item.items())
        elif isinstance(item, list):
            stack.extend((child, f"{where}.{index}" if where else str(index)) for index, child in enumerate(item))
        elif isinstance(item, str):
            if "\0" in item:
                raise _malformed("holds a NUL character", field=where)
            if not item.isascii() and any("\ud800" <= character <= "\udfff" for character in item):
                raise _malformed("holds half of a surrogate pair", field=where)


def _too_large(limit_bytes: int) -> TooLarge:
    limit = f"longer than {limit_bytes} bytes"
    return TooLarge(f"The body is {limit}.", errors=[FieldError("body", limit)])


def _malformed(reason: str, field: str = "") -> MalformedBody:
    return MalformedBody(f"The body is not acceptable: {reason}.", errors=[FieldError(field or "body", reason)])
