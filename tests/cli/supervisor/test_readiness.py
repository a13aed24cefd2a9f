import asyncio
import json
from pathlib import Path

import pytest

from services.cli.supervisor.readiness import HeartbeatProbe, HttpProbe, recorded_probe

pytestmark = pytest.mark.anyio


async def ask_server(answer, *, body="", patience_seconds=0.3):
    """Ask a server that sends `answer` (None: never) to whoever connects."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await asyncio.sleep(5)
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await HttpProbe(f"http://127.0.0.1:{port}/ping", body=body, timeout_seconds=patience_seconds).ask(1)


@pytest.mark.parametrize(
    ("answer", "body", "ready", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nOk.\n", "Ok.", True, ""),
        (b"HTTP/1.1 200 OK\r\n\r\n", "", True, ""),
        (b"HTTP/1.1 503 Busy\r\n\r\nmodel missing", "", False, "answers 503 model missing"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "Ok.", False, "something else listens there"),
        (b"SSH-2.0-OpenSSH_9\r\n", "", False, "does not speak HTTP"),
        (b"", "", False, "does not speak HTTP"),
        (None, "", False, "does not answer within 0.3 s"),
    ],
)
async def test_http(answer, body, ready, reason):
    """Only a 200 with the expected beginning is ready; everything else says what came instead."""
    got = await ask_server(answer, body=body)
    assert got.ready is ready
    assert reason in got.reason


async def test_http_nobody_there(free_port):
    """A closed port is not ready, and no error of ours."""
    got = await HttpProbe(f"http://127.0.0.1:{free_port}/").ask(None)
    assert not got.ready
    assert str(free_port) in got.reason


@pytest.mark.parametrize(
    ("text", "pid", "reason"),
    [
        (json.dumps({"at": 100.0, "pid": 7}), 7, ""),
        (json.dumps({"at": 100.0, "pid": 7}), None, ""),
        (json.dumps({"at": 100.0, "pid": 6}), 7, "no heartbeat since this process started"),
        (json.dumps({"at": 80.0, "pid": 7}), 7, "its last heartbeat is 30 s old"),
        ("{", 7, "unreadable"),
        (json.dumps([]), 7, "unreadable"),
        (None, 7, "no heartbeat yet"),
    ],
)
async def test_heartbeat(tmp_path, text, pid, reason):
    """A heartbeat counts when this very process wrote it lately; a predecessor's does not."""
    path = tmp_path / "worker.heartbeat"
    if text is not None:
        path.write_text(text)
    got = await HeartbeatProbe(path, now=lambda: 110.0).ask(pid)
    assert got.ready is (reason == "")
    assert reason in got.reason


@pytest.mark.parametrize("probe", [HttpProbe("http://127.0.0.1:1/ping", body="Ok."), HeartbeatProbe(Path("/x/y"))])
async def test_a_recorded_probe_asks_the_same(probe):
    """What the state file holds about a probe is enough to ask again."""
    assert recorded_probe(json.loads(json.dumps(probe.record()))) == probe
    assert recorded_probe(None) is None
