"""The embedded ClickHouse as a process: starts, refusals to start, stops and kills."""

import os
import signal
import socket
import stat
import threading
import time

import httpx
import pytest

from tests.embedded_clickhouse.server import EmbeddedServer, free_port, wait_until

pytestmark = pytest.mark.integration
SLOW = "SELECT count() FROM numbers(9000000000) WHERE sipHash64(number) = 1"


@pytest.fixture
def server(tmp_path):
    """A server that is not started yet."""
    server = EmbeddedServer(tmp_path / "data", {"SIGHTGLASS_CLICKHOUSE_STOP_SECONDS": "1"})
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


def test_first_start_makes_passwords_that_stay(server):
    """Four files of mode 0600 in a folder of mode 0700, a letter first; a second start keeps them, and the data."""
    server.start()
    secrets = server.folder / "secrets"
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    passwords = {}
    for user in ("collector", "reader", "maintainer", "migrator"):
        file = secrets / f"clickhouse-{user}.password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        passwords[user] = server.password(user)
        assert passwords[user].isalnum()
        assert passwords[user][0].isalpha()
        assert len(passwords[user]) >= 32
    assert len(set(passwords.values())) == 4
    server.ask("migrator", "CREATE TABLE otel.kept (n UInt8) ENGINE = MergeTree ORDER BY n")
    server.ask("collector", "INSERT INTO otel.kept FORMAT TSV\n7\n")
    assert server.stop() == 0
    server.start()
    assert {user: server.password(user) for user in passwords} == passwords
    assert server.ask("reader", "SELECT n FROM kept", database="otel") == "7\n"


def test_a_taken_port_is_told_in_one_sentence(server):
    """Exit code 1, the port, the setting that moves it, no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        process = server.spawn()
        assert process.wait(30) == 1
    assert f"127.0.0.1:{server.port}" in server.log()
    assert "SIGHTGLASS_CLICKHOUSE_PORT" in server.log()
    assert "Traceback" not in server.log()


def test_a_folder_in_use_is_told_in_one_sentence(server):
    """Exit code 1, the owner's process number, the setting, no traceback; the owner is not disturbed."""
    server.start()
    other = EmbeddedServer(server.folder, port=free_port())
    before = len(server.log())
    assert other.spawn().wait(30) == 1
    told = server.log()[before:]
    assert f"process {server.process.pid}" in told
    assert "SIGHTGLASS_DATA_DIR" in told
    assert "Traceback" not in told
    assert server.ask("reader", "SELECT 1") == "1\n"


def test_sigterm_stops_in_time_with_queries_running(server):
    """A short query ends well, an endless one is cancelled and told so, and the exit code is 0 within ten seconds."""
    server.start()
    answers = {}

    def ask(name, sql):
        answers[name] = server.post("maintainer", sql, query_id=name)

    threads = [
        threading.Thread(target=ask, args=("short", "SELECT sleepEachRow(0.1) FROM numbers(5) FORMAT Null")),
        threading.Thread(target=ask, args=("endless", SLOW)),
    ]
    for thread in threads:
        thread.start()
    count = "SELECT count() FROM system.processes WHERE Settings['log_comment'] IN ('short', 'endless')"
    wait_until(lambda: server.ask("maintainer", count) == "2\n", what="both queries")
    began = time.monotonic()
    assert server.stop(signal.SIGTERM, seconds=10) == 0
    assert time.monotonic() - began < 10
    for thread in threads:
        thread.join()
    assert answers["short"].status_code == 200
    assert answers["endless"].headers["X-ClickHouse-Exception-Code"] == "394"
    assert "Traceback" not in server.log()


def test_sigint_stops_too(server):
    """As Ctrl-C does."""
    server.start()
    assert server.stop(signal.SIGINT, seconds=10) == 0
    assert "Traceback" not in server.log()


def test_kill_in_mid_insert_loses_no_acknowledged_row(server):
    """Three kills -9 under a stream of inserts: after each restart every acknowledged batch is there, and whole."""
    server.start()
    server.ask("migrator", "CREATE TABLE otel.batches (batch UInt64, n UInt64) ENGINE = MergeTree ORDER BY (batch, n)")
    acknowledged: list[int] = []
    batch_rows = 5_000
    next_batch = iter(range(1_000_000))

    def insert_until_dead():
        auth = ("collector", server.password("collector"))
        with httpx.Client(auth=auth, timeout=30) as client:
            while True:
                batch = next(next_batch)
                rows = "".join(f"{batch}\t{n}\n" for n in range(batch_rows))
                try:
                    answer = client.post(server.url, content=f"INSERT INTO otel.batches FORMAT TSV\n{rows}")
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    acknowledged.append(batch)

    for round_number in range(3):
        writers = [threading.Thread(target=insert_until_dead) for _ in range(3)]
        for writer in writers:
            writer.start()
        goal = len(acknowledged) + 20
        wait_until(lambda goal=goal: len(acknowledged) >= goal, 60, f"batches of round {round_number}")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        for writer in writers:
            writer.join()
        server.start()
        text = server.ask("reader", "SELECT batch, count(), uniqExact(n) FROM otel.batches GROUP BY batch FORMAT TSV")
        stored = {int(line.split("\t")[0]): line.split("\t")[1:] for line in text.splitlines()}
        expected = [str(batch_rows)] * 2
        assert [batch for batch in acknowledged if stored.get(batch) != expected] == []
    assert len(acknowledged) >= 60
