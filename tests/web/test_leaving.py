"""A client that goes away ends the work on its answer, and nothing else."""

import asyncio

import pytest

from services.web.leaving import Leaving

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


class Connection:
    """A server's side of one request: its client leaves when told, and after the answer, as uvicorn has it."""

    def __init__(self, method="GET"):
        self.scope = {"type": "http", "method": method}
        self.gone = asyncio.Event()
        self.sent = []

    async def receive(self):
        """Nothing until the client leaves."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        """Keep what is sent; after the last of it the connection is done with."""
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.gone.set()
            await asyncio.sleep(0)


class App:
    """Answers when told to; says whether it was cancelled."""

    def __init__(self):
        self.may = asyncio.Event()
        self.cancelled = False
        self.afterwards = 0

    async def __call__(self, _scope, _receive, send):
        """One request, with work that goes on after the answer."""
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        for _ in range(9):
            await asyncio.sleep(0)
            self.afterwards += 1


async def turn(count=9):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def asked(app, connection):
    """A request under way that is watched from its first moment."""
    middleware = Leaving(app, watched_after_seconds=0)
    return asyncio.create_task(middleware(connection.scope, connection.receive, connection.send))


async def test_who_leaves_is_not_worked_for():
    """The application is cancelled; telemetry sees 499; the server's own task is not cancelled."""
    app, connection = App(), Connection()
    task = asked(app, connection)
    await asyncio.sleep(0.01)
    connection.gone.set()
    await task
    assert app.cancelled
    assert [message.get("status") for message in connection.sent] == [499, None]
    assert not task.cancelled()


async def test_who_stays_gets_the_answer_and_the_work_after_it_is_done():
    """The `disconnect` that the server says after an answer cancels nothing."""
    app, connection = App(), Connection()
    task = asked(app, connection)
    await asyncio.sleep(0.01)
    app.may.set()
    await task
    assert not app.cancelled
    assert app.afterwards == 9
    assert [message.get("status") for message in connection.sent] == [200, None]


async def test_a_change_is_finished_whoever_leaves():
    """A POST is not cancelled: its client may not know that it was under way."""
    app, connection = App(), Connection("POST")
    task = asked(app, connection)
    connection.gone.set()
    await asyncio.sleep(0.01)
    app.may.set()
    await task
    assert not app.cancelled


async def test_a_server_that_stops_still_cancels():
    """A cancellation from outside is passed on as one, also when the client left just before."""
    for leaves in (False, True):
        app, connection = App(), Connection()
        task = asked(app, connection)
        await asyncio.sleep(0.01)
        if leaves:
            connection.gone.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert connection.sent == []


async def test_a_cancellation_that_comes_too_late_hits_nobody():
    """The client leaves as the application ends: the layers outside go on undisturbed."""

    class Ending:
        """Ends in the very turn in which the client's leaving is noticed."""

        def __init__(self):
            self.may = asyncio.Event()

        async def __call__(self, *_):
            """No answer at all."""
            await self.may.wait()

    app, connection = Ending(), Connection()
    outside = []

    async def served():
        await Leaving(app, watched_after_seconds=0)(connection.scope, connection.receive, connection.send)
        await turn()
        outside.append(asyncio.current_task().cancelling())

    task = asyncio.create_task(served())
    await asyncio.sleep(0.01)
    connection.gone.set()
    app.may.set()
    await task
    assert outside == [0]


async def test_a_quick_answer_is_not_watched():
    """Below the time nobody looks at the connection, which costs a task."""

    class Unread(Connection):
        """A connection that nobody may look at."""

        async def receive(self):
            """Nobody asks."""
            raise AssertionError

    app, connection = App(), Unread()
    app.may.set()
    await Leaving(app, watched_after_seconds=60)(connection.scope, connection.receive, connection.send)
    assert len(connection.sent) == 2
