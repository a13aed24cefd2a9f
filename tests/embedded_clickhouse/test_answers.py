"""Answers of the HTTP interface as curl and other plain clients read them."""

import gzip
import io
import json
import threading
import zlib

import httpx
import lz4.frame
import pyarrow.ipc
import pytest
import zstandard

from tests.embedded_clickhouse.conftest import ROWS


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
    """With enable_http_compression the client's encoding is used, for short and streamed answers; else none."""
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
        request = httpx.Request("POST", f"{server.url}/?enable_http_compression=1", content=statement, headers=headers)
        with httpx.Client(auth=("reader", server.password("reader"))) as client:
            answer = client.send(request, stream=True)
            raw = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == encoding
        assert decode(raw).decode() == expected
    assert "Content-Encoding" not in server.post("reader", sql, headers=headers).headers


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
