"""A client that goes away before it has its answer: the work on it ends."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Most answers are there earlier; only for the others is it worth a task to watch the connection.
_WATCHED_AFTER_SECONDS: Final = 0.05
# As nginx calls it. Nobody reads it but our own telemetry.
CLIENT_GONE: Final = 499


class Leaving:
    """ASGI middleware: a GET whose client went away is cancelled, with all that it asks of others.

    Only GET: what changes something is finished, for its client may have left without knowing how it ended.

    Args:
        app: The application behind it.
        watched_after_seconds: How long a request may take before anybody looks whether its client is still there.
    """

    def __init__(self, app: ASGIApp, *, watched_after_seconds: float = _WATCHED_AFTER_SECONDS) -> None:
        self._app = app
        self._watched_after_seconds = watched_after_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        watch = _Watch(receive)
        begins = asyncio.get_running_loop().call_later(self._watched_after_seconds, watch.begin)
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] == "http.response.body" and not message.get("more_body"):
                # After the whole answer the server says `disconnect` too.
                begins.cancel()
                watch.end()
            await send(message)

        try:
            await self._app(scope, receive, sending)
            if watch.left:
                # The cancellation came too late to be noticed; here it is, before it hits somebody outside.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if not watch.left or watch.task.uncancel() > 0:
                raise
            if not answered:
                await send({"type": "http.response.start", "status": CLIENT_GONE, "headers": []})
                await send({"type": "http.response.body", "body": b""})
        finally:
            begins.cancel()
            watch.end()


class _Watch:
    """Cancels the task that it was made in once the client leaves.

    Attributes:
        left: Whether it did.
        task: The request's.
    """

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is answered in a task")
        self.left = False
        self.task = task
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on."""
        self._watching = asyncio.create_task(self._watch())

    def end(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self.task.cancel()
