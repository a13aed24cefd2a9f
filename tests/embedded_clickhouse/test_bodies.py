"""Bodies of requests: statements and data, in every form, whole and broken."""

import gzip
import json
import socket
import zlib

import httpx
import lz4.frame
import pytest
import zstandard

from tests.embedded_clickhouse.server import wait_until


def _lz4_blocks(data: bytes) -> bytes:
    return b"".join(lz4.frame.compress(data[i : i + 1000]) for i in range(0, len(data), 1000))


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("lz4", lz4.frame.compress),
        ("lz4", _lz4_blocks),
        ("gzip", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
        ("zstd", lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:])),
        ("identity", bytes),
    ],
)
def test_bodies_may_be_compressed(server, encoding, compress):
    """One frame or several, for statements and for data; a body cut short is refused."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.packed (n UInt64) ENGINE = MergeTree ORDER BY n")
    server.ask("maintainer", "TRUNCATE TABLE otel.packed")
    headers = {"Content-Encoding": encoding}
    rows = "".join(f"{n}\n" for n in range(100_000)).encode()
    data = compress(b"INSERT INTO otel.packed FORMAT TSV\n" + rows)
    assert server.post("collector", data, headers=headers).status_code == 200
    insert = "INSERT INTO otel.packed FORMAT TSV"
    assert server.post("collector", compress(rows), headers=headers, query=insert).status_code == 200
    assert server.ask("reader", "SELECT count(), uniqExact(n) FROM otel.packed") == "200000\t100000\n"
    if encoding != "identity":
        cut = server.post("collector", compress(rows)[:-30], headers=headers, query=insert)
        assert cut.headers["X-ClickHouse-Exception-Code"] in ("33", "36")
        junk = server.post("collector", b"no such thing", headers=headers, query=insert)
        assert junk.headers["X-ClickHouse-Exception-Code"] in ("33", "36")


def test_unknown_compression_says_what_there_is(server):
    """Brotli bodies and ClickHouse's own frames are refused with the way out."""
    assert "zstd" in server.post("reader", b"x", headers={"Content-Encoding": "br"}).text
    assert "Accept-Encoding" in server.post("reader", "SELECT 1", compress="1").text


def test_a_compression_bomb_is_not_held_in_memory(server):
    """A gigabyte of zeros in a kilobyte-sized body is turned down without the process growing by it."""
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 30))
    before = server.resident_bytes()
    answer = server.post("reader", bomb, headers={"Content-Encoding": "zstd"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "62"
    assert server.resident_bytes() - before < 300 << 20


@pytest.mark.parametrize(
    "body",
    [
        b"INSERT INTO otel.forms (n, s) VALUES (1, 'a'), (2, 'b')",
        b"insert into otel.forms (n, s) format TSV\n1\ta\n2\tb\n",
        b"INSERT INTO otel.forms FORMAT TabSeparated\r\n1\ta\n2\tb\n",
        b'/* c */ INSERT INTO otel.forms (`n`, "s") -- FORMAT x\n FORMAT JSONEachRow {"n":1,"s":"a"}{"n":2,"s":"b"}',
        b"INSERT INTO otel.forms SETTINGS max_insert_block_size = 1000 FORMAT CSV\n1,a\n2,b\n",
        b"INSERT INTO TABLE otel.forms SELECT arrayJoin([1, 2]), if(1, 'a', 'b')",
        b"INSERT INTO otel.forms SELECT * FROM values('n UInt8, s String', (1, 'a'), (2, 'b'))",
        b"INSERT INTO otel.forms (* EXCEPT (s)) VALUES (1), (2)",
        b"INSERT INTO otel.forms VALUES (1, 'it''s ; FORMAT x'), (2, lower('B'));",
    ],
)
def test_inserts_in_every_form(server, body):
    """Data after VALUES, after FORMAT on the same or the next line, or from a SELECT."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.forms (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    server.ask("maintainer", "TRUNCATE TABLE otel.forms")
    answer = server.post("maintainer", body)
    assert answer.status_code == 200, answer.text
    assert server.ask("reader", "SELECT count(), sum(n) FROM otel.forms") == "2\t3\n"
    if b" SELECT " not in body:
        assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"


def test_an_insert_arriving_byte_by_byte(server):
    """The statement's end is found wherever the network cuts it."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.dribble (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    body = b"INSERT INTO otel.dribble (n, s) FORMAT CSV \n1,a\n2,b\n"

    def slowly():
        for position in range(len(body)):
            yield body[position : position + 1]

    auth = ("collector", server.password("collector"))
    assert httpx.post(server.url, content=slowly(), auth=auth).status_code == 200
    assert server.ask("reader", "SELECT groupArray((n, s)) FROM otel.dribble").strip() == "[(1,'a'),(2,'b')]"


def test_a_bad_row_fails_the_insert(server):
    """Data that cannot be parsed is an error with ClickHouse's code, and nothing is kept."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.strict (n UInt64) ENGINE = MergeTree ORDER BY n")
    assert server.refusal("collector", "INSERT INTO otel.strict FORMAT TSV\n1\nnot a number\n") == 27
    assert server.refusal("collector", b"INSERT INTO otel.strict FORMAT Native\n\x01\x01\x01") in (32, 33, 34, 117)
    assert server.refusal("collector", "INSERT INTO otel.strict FORMAT NoSuch\nx") == 73
    assert server.refusal("collector", "INSERT INTO otel.nosuch FORMAT TSV\n1\n") == 60
    assert server.ask("reader", "SELECT count() FROM otel.strict") == "0\n"


def test_an_insert_whose_client_goes_away_is_not_kept(server):
    """A body that ends before its announced length is not committed."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.gone (n UInt64) ENGINE = MergeTree ORDER BY n")
    key = server.password("collector")
    head = (
        f"POST /?query=INSERT+INTO+otel.gone+FORMAT+TSV&user=collector&password={key}&query_id=went HTTP/1.1\r\n"
        f"Host: localhost\r\nContent-Length: 100000\r\n\r\n1\n2\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
    asked = {"query_id": "went"}
    wait_until(lambda: server.query_log(**asked)["matching"], what="the log entry")
    assert server.query_log(**asked)["queries"][0]["exception_code"] == 394
    assert server.ask("reader", "SELECT count() FROM otel.gone") == "0\n"


def test_an_overlong_statement_is_refused(server):
    """The limit is on the statement, not on an INSERT's data."""
    assert server.refusal("reader", "SELECT '" + "x" * (1 << 20) + "'") == 62
    long_head = "INSERT INTO otel.numbers (" + "n, " * (1 << 19)
    assert server.refusal("maintainer", long_head) == 62
    assert server.refusal("reader", b"SELECT '\xff\xfe'") == 36
