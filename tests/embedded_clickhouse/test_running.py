"""Statements while they run: late errors, kills, clients that leave, and too many at once."""

import json
import socket
import threading
import time
from functools import partial

import httpx
import pytest

from tests.embedded_clickhouse.server import wait_until

SLOW = "SELECT count() FROM numbers(9000000000) WHERE sipHash64(number) = 1"


def _wait_for_count(server, query_id, count):
    running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = {id:String}"
    expected = f"{count}\n"
    wait_until(lambda: server.ask("maintainer", running, param_id=query_id) == expected, what=f"{count} of {query_id}")


def _logged(server, query_id):
    return server.query_log(query_id=query_id)["queries"]


def test_a_late_error_never_looks_like_a_complete_answer(server):
    """The body carries the error between tags and has no end; asked to wait, the client gets a plain error."""
    sql = "SELECT throwIf(number = 8000000, 'late') FROM numbers(10000000) FORMAT TSV"
    auth = ("reader", server.password("reader"))
    with httpx.stream("POST", server.url, content=sql, auth=auth) as answer:
        assert answer.status_code == 200
        received: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(answer.iter_bytes())
    tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
    tail = b"".join(received)[-1000:]
    assert b"__exception__\r\n" + tag + b"\r\nCode: 395. DB::Exception: late" in tail
    assert tail.endswith(tag + b"\r\n__exception__\r\n")
    assert server.refusal("reader", sql, wait_end_of_query="1") == 395


def test_a_query_can_be_killed(server):
    """By its id, by its own user and by the maintainer, not by another; it ends at once and the answer says so."""
    codes = []

    def ask(query_id):
        codes.append(server.refusal("maintainer", SLOW, query_id=query_id))

    for killer, kill in (
        ("maintainer", "KILL QUERY WHERE query_id = 'slow0' SYNC"),
        ("migrator", "KILL QUERY WHERE query_id IN ('slow1', 'nosuch') SYNC"),
    ):
        query_id = "slow0" if "slow0" in kill else "slow1"
        thread = threading.Thread(target=ask, args=(query_id,))
        thread.start()
        _wait_for_count(server, query_id, 1)
        assert server.ask("reader", f"KILL QUERY WHERE query_id = '{query_id}'") == ""
        assert server.refusal("maintainer", "SELECT 1", query_id=query_id) == 216
        assert server.ask(killer, kill).startswith(f"finished\t{query_id}\tmaintainer\t")
        thread.join(10)
        assert not thread.is_alive()
    assert codes == [394, 394]
    assert server.refusal("reader", "KILL QUERY WHERE 1") == 48


def test_a_killed_insert_is_not_acknowledged(server):
    """The engine ends a killed INSERT as if all were well; the client must still get an error."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.killed (n UInt64) ENGINE = MergeTree ORDER BY n")

    def body():
        yield b"INSERT INTO otel.killed FORMAT TSV\n"
        yield b"1\n" * 1_000_000
        wait_until(lambda: server.ask("maintainer", "KILL QUERY WHERE query_id = 'ins'"), what="the INSERT to kill")
        yield b"2\n"

    auth = ("collector", server.password("collector"))
    answer = httpx.post(f"{server.url}/?query_id=ins", content=body(), auth=auth, timeout=30)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "394"


def test_a_client_that_goes_away_cancels_its_query(server):
    """Before the first row, and in the middle of a stream."""
    key = server.password("maintainer")
    for number, sql in enumerate((SLOW, "SELECT number, toString(number) FROM numbers(9000000000)")):
        query_id = f"left{number}"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                f"POST /?user=maintainer&password={key}&query_id={query_id} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {len(sql)}\r\n\r\n{sql}".encode()
            )
            _wait_for_count(server, query_id, 1)
        _wait_for_count(server, query_id, 0)
        found = wait_until(partial(_logged, server, query_id), what="the log entry")
        assert found[0]["exception_code"] == 394


def test_a_slow_reader_holds_no_memory(server):
    """The engine waits for a client that reads slowly; the answer is not piled up."""
    key = server.password("maintainer")
    sql = "SELECT number, toString(number) FROM numbers(1000000000)"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"POST /?user=maintainer&password={key} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(sql)}\r\n\r\n{sql}".encode()
        )
        connection.recv(100)
        before = server.resident_bytes()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            connection.recv(1000)
            time.sleep(0.01)
        assert server.resident_bytes() - before < 100 << 20


def test_too_many_queries_are_told_so(own_server):
    """Who finds no slot in time reads code 202 and 503; others' slots are not touched."""
    server = own_server(
        env={"SIGHTGLASS_CLICKHOUSE_READER_SLOTS": "1", "SIGHTGLASS_CLICKHOUSE_SLOT_WAIT_SECONDS": "0.2"}
    )
    thread = threading.Thread(target=server.post, args=("reader", SLOW), kwargs={"query_id": "hog"})
    thread.start()
    _wait_for_count(server, "hog", 1)
    answer = server.post("reader", "SELECT 1")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (503, "202")
    assert "SIGHTGLASS_CLICKHOUSE_READER_SLOTS" in answer.text
    assert server.ask("collector", "SELECT 1") == "1\n"
    server.ask("maintainer", "KILL QUERY WHERE query_id = 'hog' SYNC")
    thread.join(10)
    assert server.ask("reader", "SELECT 1") == "1\n"


def test_the_query_log_counts_without_values(server):
    """Two runs of one query share a fingerprint; literals and parameters stand nowhere, in memory or in the file."""
    for number in (41, 42):
        server.ask(
            "reader",
            f"SELECT {number}, 'hush-hush', {{p:String}} -- c{number}",
            param_p="private",
            query_id=f"q{number}",
        )
    first, second = (server.query_log(query_id=f"q{number}")["queries"][0] for number in (41, 42))
    assert first["fingerprint"] == second["fingerprint"]
    assert first["query"] == "SELECT ?, ?, {p:String}"
    assert (first["user"], first["kind"], first["rows"], first["exception_code"]) == (
        "reader",
        "SelectWithUnionQuery",
        1,
        0,
    )
    assert server.query_log(fingerprint=first["fingerprint"])["matching"] == 2
    assert server.refusal("reader", "SELECT nosuch_column", query_id="bad") == 47
    assert server.query_log(query_id="bad")["queries"][0]["exception_code"] == 47
    file = server.folder / "logs" / "clickhouse-queries.jsonl"
    text = file.read_text()
    assert json.loads(text.splitlines()[-1])["fingerprint"]
    assert "hush-hush" not in text
    assert "private" not in text
    denied = httpx.get(f"{server.url}/query_log", auth=("collector", server.password("collector")))
    assert denied.status_code == 403
    assert httpx.get(f"{server.url}/query_log").status_code == 401
