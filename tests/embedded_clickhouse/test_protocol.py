"""ClickHouse's HTTP interface as curl and other plain clients use it."""

import gzip
import io
import json
import socket
import threading
import time
import zlib

import httpx
import lz4.frame
import pyarrow.ipc
import pytest
import zstandard

from tests.embedded_clickhouse.conftest import ROWS
from tests.embedded_clickhouse.server import wait_until

SLOW = "SELECT count() FROM numbers(9000000000) WHERE sipHash64(number) = 1"


def _lz4_blocks(data: bytes) -> bytes:
    return b"".join(lz4.frame.compress(data[i : i + 1000]) for i in range(0, len(data), 1000))


def test_the_paths_that_probes_ask(server):
    """/ping, /replicas_status and a bare GET answer Ok. without a password."""
    for path in ("/ping", "/replicas_status", "/"):
        assert httpx.get(f"{server.url}{path}").text == "Ok.\n"


def test_the_statement_is_taken_from_url_body_or_both(server):
    """ClickHouse joins the URL's query and the body."""
    assert server.post("reader", "", query="SELECT 1").text == "1\n"
    assert server.post("reader", "SELECT 2").text == "2\n"
    assert server.post("reader", "1 + 2", query="SELECT").text == "3\n"
    assert server.refusal("reader", "") == 62


def test_credentials_by_header_url_and_basic(server):
    """All three ways work; wrong ones, none, and two at once do not, and no password reaches an answer or the log."""
    password = server.password("reader")
    ask = {"query": "SELECT 1"}
    headers = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": password}
    assert httpx.get(server.url, params=ask, headers=headers).text == "1\n"
    assert httpx.get(server.url, params={**ask, "user": "reader", "password": password}).text == "1\n"
    assert httpx.get(server.url, params=ask, auth=("reader", password)).text == "1\n"
    assert httpx.get(server.url, params=ask).headers["X-ClickHouse-Exception-Code"] == "194"
    for user, wrong in (("reader", "x"), ("nobody", password), ("reader", ""), ("reader", password + "ü")):
        answer = httpx.get(server.url, params=ask, auth=(user, wrong))
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    both = httpx.get(server.url, params=ask, headers=headers, auth=("reader", password))
    assert both.headers["X-ClickHouse-Exception-Code"] == "516"
    assert password not in server.log()


def test_a_foreign_host_name_is_turned_away(server):
    """A web page that points a name of its own at the loopback address gets nothing."""
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example"):
        assert httpx.get(f"{server.url}/ping", headers={"Host": host}).status_code == 421
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]:8123", "LOCALHOST."):
        assert httpx.get(f"{server.url}/ping", headers={"Host": host}).status_code == 200


def test_headers_of_an_answer(server):
    """Query id, format, content type and a summary that is true."""
    answer = server.post("reader", "SELECT n FROM otel.numbers WHERE n < 10 FORMAT JSON", query_id="mine")
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-ClickHouse-Timezone"]
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert summary["result_rows"] == "10"
    assert int(summary["read_rows"]) >= 10
    assert int(summary["elapsed_ns"]) > 0
    assert server.post("reader", "SELECT 1").headers["X-ClickHouse-Query-Id"]


@pytest.mark.parametrize(
    ("parameters", "sql", "expected"),
    [
        ({"param_x": "it's 100% \\\\ ;--"}, "SELECT {x:String} FORMAT TSVRaw", "it's 100% \\ ;--\n"),
        ({"param_x": "a\\tb\\nc"}, "SELECT length({x:String})", "5\n"),
        ({"param_x": "['a','it\\'s']"}, "SELECT {x:Array(String)}[2] FORMAT TSVRaw", "it's\n"),
        ({"param_x": "2024-01-01 10:00:00.5"}, "SELECT {x:DateTime64(1)}", "2024-01-01 10:00:00.5\n"),
        ({"param_x": "\\N"}, "SELECT {x:Nullable(UInt8)} IS NULL", "1\n"),
        ({"param_t": "numbers"}, "SELECT count() FROM otel.{t:Identifier}", f"{ROWS}\n"),
        ({"param_x": "3"}, "DESCRIBE (SELECT {x:UInt8} AS y)", "y\tUInt8\t\t\t\t\t\n"),
    ],
)
def test_parameters_are_bound_by_the_engine(server, parameters, sql, expected):
    """Values are values, whatever they contain."""
    assert server.ask("reader", sql, **parameters) == expected


def test_a_missing_or_wrong_parameter_is_a_clear_error(server):
    """The client reads the code of ClickHouse."""
    assert server.refusal("reader", "SELECT {x:UInt8}") == 456
    assert server.refusal("reader", "SELECT {x:UInt8}", param_x="many") == 457


STREAMED = {
    "TabSeparated": ROWS,
    "TSVWithNames": ROWS + 1,
    "TabSeparatedWithNamesAndTypes": ROWS + 2,
    "CSV": ROWS,
    "CSVWithNames": ROWS + 1,
    "CSVWithNamesAndTypes": ROWS + 2,
    "JSONEachRow": ROWS,
    "JSONCompactEachRow": ROWS,
    "JSONCompactEachRowWithNames": ROWS + 1,
    "JSONCompactEachRowWithNamesAndTypes": ROWS + 2,
}


@pytest.mark.parametrize("output_format", STREAMED)
def test_a_streamed_answer_is_one_document(server, output_format):
    """Names and types stand once, at the top, however many blocks there are."""
    text = server.ask("reader", "SELECT n, name FROM otel.numbers ORDER BY n", default_format=output_format)
    assert len(text.splitlines()) == STREAMED[output_format]
    assert text.splitlines()[-1].strip("[]{}").replace('"', "").endswith(str(ROWS - 1))
    empty = server.ask("reader", "SELECT n, name FROM otel.numbers WHERE n > 1e12", default_format=output_format)
    assert len(empty.splitlines()) == STREAMED[output_format] - ROWS


def test_names_with_line_breaks_stay_whole(server):
    """The header of CSV may span lines."""
    sql = 'SELECT n AS `a\n"b"`, name FROM otel.numbers ORDER BY n FORMAT CSVWithNames'
    lines = server.ask("reader", sql).splitlines()
    assert (len(lines), lines[2]) == (ROWS + 2, '0,"name 0"')


def test_arrow_streams_and_whole_formats(server):
    """Arrow streams are joined into one; JSON, Parquet and Arrow files come whole; totals are not lost."""
    sql = "SELECT n, name FROM otel.numbers ORDER BY n FORMAT "
    data = server.post("reader", sql + "ArrowStream").content
    table = pyarrow.ipc.open_stream(data).read_all()
    assert (table.num_rows, table.column("n")[-1].as_py()) == (ROWS, ROWS - 1)
    empty = server.post("reader", "SELECT n FROM otel.numbers WHERE n > 1e12 FORMAT ArrowStream").content
    assert pyarrow.ipc.open_stream(empty).read_all().column_names == ["n"]
    assert json.loads(server.ask("reader", sql + "JSON"))["rows"] == ROWS
    assert server.post("reader", sql + "Parquet").content[-4:] == b"PAR1"
    totals = server.ask("reader", "SELECT n % 2, count() FROM otel.numbers GROUP BY 1 WITH TOTALS ORDER BY 1")
    assert totals.endswith(f"\n\n0\t{ROWS}\n")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_answers_are_compressed_when_asked(server, encoding):
    """With enable_http_compression the client's encoding is used, for short and for streamed answers; without it none."""
    sql = "SELECT n, name FROM otel.numbers ORDER BY n"
    headers = {"Accept-Encoding": encoding}
    plain = server.ask("reader", sql)
    decode = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "lz4": lz4.frame.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read(),
    }[encoding]
    for statement, expected in ((sql, plain), ("SELECT 1", "1\n")):
        request = httpx.Request(
            "POST", f"{server.url}/?enable_http_compression=1", content=statement, headers=headers
        )
        with httpx.Client(auth=("reader", server.password("reader"))) as client:
            answer = client.send(request, stream=True)
            raw = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == encoding
        assert decode(raw).decode() == expected
    assert "Content-Encoding" not in server.post("reader", sql, headers=headers).headers


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
    statm = f"/proc/{server.process.pid}/statm"
    with open(statm) as file:
        before = int(file.read().split()[1]) * 4096
    answer = server.post("reader", bomb, headers={"Content-Encoding": "zstd"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "62"
    with open(statm) as file:
        assert int(file.read().split()[1]) * 4096 - before < 300 << 20


@pytest.mark.parametrize(
    "body",
    [
        b"INSERT INTO otel.forms (n, s) VALUES (1, 'a'), (2, 'b')",
        b"insert into otel.forms (n, s) format TSV\n1\ta\n2\tb\n",
        b"INSERT INTO otel.forms FORMAT TabSeparated\r\n1\ta\n2\tb\n",
        b"/* c */ INSERT INTO otel.forms (`n`, \"s\") -- FORMAT x\n FORMAT JSONEachRow {\"n\":1,\"s\":\"a\"}{\"n\":2,\"s\":\"b\"}",
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
    wait_until(lambda: _log(server, **asked)["matching"], what="the log entry")
    assert _log(server, **asked)["queries"][0]["exception_code"] == 394
    assert server.ask("reader", "SELECT count() FROM otel.gone") == "0\n"


def test_a_late_error_never_looks_like_a_complete_answer(server):
    """The body carries the error between tags and ends without its end; asked to wait, the client gets a plain error."""
    sql = "SELECT throwIf(number = 8000000, 'late') FROM numbers(10000000) FORMAT TSV"
    auth = ("reader", server.password("reader"))
    with httpx.stream("POST", server.url, content=sql, auth=auth) as answer:
        assert answer.status_code == 200
        received = bytearray()
        with pytest.raises(httpx.RemoteProtocolError):
            for chunk in answer.iter_bytes():
                received += chunk
    tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
    tail = bytes(received[-1000:])
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
        running = f"SELECT count() FROM system.processes WHERE Settings['log_comment'] = '{query_id}'"
        wait_until(lambda: server.ask("maintainer", running) == "1\n", what="the query in system.processes")
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
            running = f"SELECT count() FROM system.processes WHERE Settings['log_comment'] = '{query_id}'"
            wait_until(lambda: server.ask("maintainer", running) == "1\n", what="the query in system.processes")
        wait_until(lambda: server.ask("maintainer", running) == "0\n", what="the end of the query")
        found = wait_until(lambda: _log(server, query_id=query_id)["queries"], what="the log entry")
        assert found[0]["exception_code"] == 394


def test_a_slow_reader_holds_no_memory(server):
    """The engine waits for a client that reads slowly; the answer is not piled up."""
    statm = f"/proc/{server.process.pid}/statm"
    key = server.password("maintainer")
    sql = "SELECT number, toString(number) FROM numbers(1000000000)"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"POST /?user=maintainer&password={key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode()
        )
        connection.recv(100)
        with open(statm) as file:
            before = int(file.read().split()[1]) * 4096
        end = time.monotonic() + 2
        while time.monotonic() < end:
            connection.recv(1000)
            time.sleep(0.01)
        with open(statm) as file:
            assert int(file.read().split()[1]) * 4096 - before < 100 << 20


def test_too_many_queries_are_told_so(own_server):
    """Who finds no slot in time reads code 202 and 503; others' slots are not touched."""
    server = own_server(
        env={"SIGHTGLASS_CLICKHOUSE_READER_SLOTS": "1", "SIGHTGLASS_CLICKHOUSE_SLOT_WAIT_SECONDS": "0.2"}
    )
    thread = threading.Thread(target=server.post, args=("reader", SLOW), kwargs={"query_id": "hog"})
    thread.start()
    running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'hog'"
    wait_until(lambda: server.ask("maintainer", running) == "1\n", what="the hog")
    answer = server.post("reader", "SELECT 1")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (503, "202")
    assert "SIGHTGLASS_CLICKHOUSE_READER_SLOTS" in answer.text
    assert server.ask("collector", "SELECT 1") == "1\n"
    server.ask("maintainer", "KILL QUERY WHERE query_id = 'hog' SYNC")
    thread.join(10)
    assert server.ask("reader", "SELECT 1") == "1\n"


def test_an_overlong_statement_is_refused(server):
    """The limit is on the statement, not on an INSERT's data."""
    assert server.refusal("reader", "SELECT '" + "x" * (1 << 20) + "'") == 62
    long_head = "INSERT INTO otel.numbers (" + "n, " * (1 << 19)
    assert server.refusal("maintainer", long_head) == 62
    assert server.refusal("reader", b"SELECT '\xff\xfe'") == 36


def _log(server, user="reader", **conditions):
    answer = httpx.get(f"{server.url}/query_log", params=conditions, auth=(user, server.password(user)))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_query_log_counts_without_values(server):
    """Two runs of one query share a fingerprint; literals and parameters stand nowhere, in memory or in the file."""
    for number in (41, 42):
        server.ask("reader", f"SELECT {number}, 'hush-hush', {{p:String}} -- c{number}", param_p="private", query_id=f"q{number}")
    first, second = (_log(server, query_id=f"q{number}")["queries"][0] for number in (41, 42))
    assert first["fingerprint"] == second["fingerprint"]
    assert first["query"] == "SELECT ?, ?, {p:String}"
    assert (first["user"], first["kind"], first["rows"], first["exception_code"]) == ("reader", "SelectWithUnionQuery", 1, 0)
    assert _log(server, fingerprint=first["fingerprint"])["matching"] == 2
    assert server.refusal("reader", "SELECT nosuch_column", query_id="bad") == 47
    assert _log(server, query_id="bad")["queries"][0]["exception_code"] == 47
    file = server.folder / "logs" / "clickhouse-queries.jsonl"
    text = file.read_text()
    assert json.loads(text.splitlines()[-1])["fingerprint"]
    assert "hush-hush" not in text
    assert "private" not in text
    denied = httpx.get(f"{server.url}/query_log", auth=("collector", server.password("collector")))
    assert denied.status_code == 403
    assert httpx.get(f"{server.url}/query_log").status_code == 401


def test_many_requests_at_once_keep_to_themselves(server):
    """Eight clients with their own parameters and settings for a while: nobody gets another's."""
    wrong = []

    def work(worker):
        with httpx.Client(auth=("reader", server.password("reader")), base_url=server.url) as client:
            for number in range(60):
                value = f"{worker}-{number}"
                parameters = {"param_x": value, "max_block_size": str(1000 + worker), "database": "otel"}
                sql = "SELECT {x:String}, getSetting('max_block_size'), currentDatabase()"
                answer = client.post("/", params=parameters, content=sql)
                if answer.text != f"{value}\t{1000 + worker}\totel\n":
                    wrong.append(answer.text)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
