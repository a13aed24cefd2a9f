"""`ClickHouseDatabase` against servers that misbehave; the integration tests ask a real one."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from services.monitoring_api.database import (
    ClickHouseDatabase,
    Connection,
    DatabaseTooSlow,
    DatabaseUnavailable,
    Query,
)

pytestmark = pytest.mark.anyio
ONE = Query("SELECT 1")


@asynccontextmanager
async def serving(answer):
    """A TCP server that does ``answer(reader, writer)`` with each connection; gives its URL."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


def database(url, folder, **more):
    """A database at a URL whose password is in a file."""
    password = folder / "password"
    password.write_text("secret\n")
    return ClickHouseDatabase(Connection(url, "otel", "reader", password, **more))


async def _failure(asked, deadline=1.0):
    started = time.monotonic()
    try:
        with pytest.raises((DatabaseUnavailable, DatabaseTooSlow)) as caught:
            await asked.fetch(ONE, deadline_seconds=deadline)
        return caught.value, time.monotonic() - started
    finally:
        await asked.close()


async def test_nobody_listening_is_unavailable_at_once(tmp_path):
    """A refused connection needs no waiting."""
    problem, seconds = await _failure(database("http://127.0.0.1:1", tmp_path), deadline=5.0)
    assert problem.status == 503
    assert seconds < 2
    assert "127.0.0.1" not in problem.detail


async def test_a_server_that_never_answers_is_given_up_in_time(tmp_path):
    """The deadline holds also while the connection is being made."""

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async with serving(silent) as url:
        problem, seconds = await _failure(database(url, tmp_path), deadline=0.5)
    assert problem.status == 503
    assert seconds < 2


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [(516, "AUTHENTICATION_FAILED", 503), (202, "TOO_MANY_SIMULTANEOUS_QUERIES", 503), (159, "TIMEOUT_EXCEEDED", 504)],
)
async def test_clickhouses_own_errors_are_told_by_their_code(tmp_path, code, text, status):
    """What ClickHouse says of itself stays in the log; people get what it means."""

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = f"Code: {code}. DB::Exception: secret detail. ({text}) (version 26.9.2.1)".encode()
        head = f"HTTP/1.1 500 X\r\nX-ClickHouse-Exception-Code: {code}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with serving(refuse) as url:
        problem, _ = await _failure(database(url, tmp_path), deadline=4.0)
    assert problem.status == status
    assert "secret detail" not in problem.detail


async def test_a_password_that_is_not_written_yet_is_unavailable(tmp_path):
    """The file may come later; until then the answer says what is missing."""
    asked = ClickHouseDatabase(Connection("http://127.0.0.1:1", "otel", "reader", tmp_path / "missing"))
    problem, _ = await _failure(asked)
    assert problem.status == 503
    assert "password" in problem.detail


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"], ids=["missing", "empty", "blank", "bytes"])
async def test_nobody_logs_in_without_a_password(tmp_path, content):
    """An empty file is no empty password: the server is not even asked, and the answer names the file."""
    asked = False

    async def answer(_reader, writer):
        nonlocal asked
        asked = True
        writer.close()

    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    async with serving(answer) as url:
        problem, _ = await _failure(ClickHouseDatabase(Connection(url, "otel", "reader", path)))
    assert problem.status == 503
    assert str(path) in problem.detail
    assert not asked
