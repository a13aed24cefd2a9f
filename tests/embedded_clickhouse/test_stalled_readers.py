"""A client that stops reading gives its handle back; what others asked is not for the reader to see."""

import base64
import contextlib
import socket

import pytest

from tests.embedded_clickhouse.server import wait_until

DENIED = 497
SLOTS = 8


def _ask_without_reading(server):
    """Send a question with a large answer and a limit of one second, and leave the answer where it is."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    login = base64.b64encode(f"reader:{server.password('reader')}".encode()).decode()
    sql = "SELECT repeat('x', 1000) FROM numbers(3000000) FORMAT TSV"
    connection.sendall(
        (
            f"POST /?max_execution_time=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Basic {login}\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
        ).encode()
    )
    return connection


def _cut_off(server):
    """How many of these questions ended by the limit in time."""
    ended = server.query_log("maintainer", exception_code="159")["queries"]
    return sum("repeat" in entry["query"] for entry in ended)


def test_clients_that_do_not_read_free_their_handles(server):
    """All of the reader's handles taken by clients that stop reading: soon after their limit they are free again."""
    with contextlib.ExitStack() as connections:
        for _ in range(SLOTS):
            connections.enter_context(_ask_without_reading(server))
        wait_until(lambda: _cut_off(server) == SLOTS, seconds=30, what="the end of every stalled answer")
        assert server.ask("reader", "SELECT 1") == "1\n"


@pytest.mark.parametrize("table", ["errors", "mutations"])
def test_the_reader_does_not_see_values_that_others_wrote(server, table):
    """The engine's lists of errors and mutations hold statements with their values, so they are for operators only."""
    assert server.refusal("migrator", "SELECT toUInt8('SECRET-VALUE-4711')") != 0
    assert server.refusal("reader", f"SELECT * FROM system.{table}") == DENIED
    server.ask("maintainer", f"SELECT * FROM system.{table}")


@pytest.mark.parametrize(
    "function", ["hostName()", "fqdn()", "serverUUID()", "tcpPort()", "buildId()", "getOSKernelVersion()"]
)
def test_the_machine_is_not_described(server, function):
    """What machine this is, is not the reader's business; `displayName()` stays, for clients ask it at each start."""
    assert server.refusal("reader", f"SELECT {function}") == DENIED
