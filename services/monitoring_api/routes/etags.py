"""Every answer has an ETag, named by its bytes: whoever has them already is told so instead."""

import hashlib
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An answer in one piece that is longer is not looked through once more; those have been named where they were made.
_LONGEST: Final = 1_000_000
# Of an answer that is not sent (RFC 9110, 15.4.5).
_OF_BODY: Final = (b"content-length", b"content-type", b"content-encoding")


def etag_of(body: bytes) -> str:
    """The name of an answer with this body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def holds(if_none_match: str, etag: str) -> bool:
    """Whether the client has this answer (RFC 9110, 13.1.2: compared weakly)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


class ETags:
    """ASGI middleware: names the 200s to GETs that came in one piece, and answers 304 to who knows the name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        started: Message | None = None

        async def named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and _wants_name(message):
                started = message
                return
            if started is None:
                await send(message)
                return
            begun, started = started, None
            body = message.get("body", b"")
            if message.get("more_body") or len(body) > _LONGEST:
                await send(begun)
                await send(message)
                return
            etag = etag_of(body)
            if holds(header_of(scope, b"if-none-match"), etag):
                headers = [pair for pair in begun["headers"] if pair[0].lower() not in _OF_BODY]
                begun = {**begun, "status": HTTPStatus.NOT_MODIFIED.value, "headers": headers}
                message = {**message, "body": b""}
            await send({**begun, "headers": [*begun["headers"], (b"etag", etag.encode("ascii"))]})
            await send(message)

        await self._app(scope, receive, named)


def _wants_name(start: Message) -> bool:
    return start["status"] == HTTPStatus.OK and all(name.lower() != b"etag" for name, _ in start["headers"])


def header_of(scope: Scope, wanted: bytes) -> str:
    """A request's header that is a list, also where it was sent in several lines; empty without."""
    return ", ".join([value.decode("latin-1") for name, value in scope["headers"] if name == wanted])
