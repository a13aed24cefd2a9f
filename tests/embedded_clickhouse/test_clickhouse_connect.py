"""clickhouse-connect, unmodified, synchronous and asynchronous."""

import asyncio
import datetime as dt
import threading
from decimal import Decimal
from uuid import UUID

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.embedded_clickhouse.conftest import ROWS

TEXTS = [
    "plain",
    "it's",
    '"double"',
    "100%",
    "%(x)s",
    "{x:String}",
    "back\\slash",
    "tab\tnew\nline\r\0",
    "é ü 漢 🙂",
    "",
    "`",
    ";--",
]


@pytest.fixture(scope="module")
def reader(server):
    """A synchronous client of the reader."""
    client = server.client("reader")
    yield client
    client.close()


@pytest.fixture(scope="module")
def maintainer(server):
    """A synchronous client of the maintainer."""
    client = server.client("maintainer")
    yield client
    client.close()


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_bound_on_the_server(reader, text):
    """Quotes, percent signs, braces and control characters arrive as they are, alone and in arrays and maps."""
    sql = "SELECT {x:String} AS x, {many:Array(String)} AS many"
    assert reader.query(sql, parameters={"x": text, "many": [text, text]}).result_rows == [(text, [text, text])]


def test_values_of_other_types(reader):
    """Times, numbers, nothing and many of them."""
    moment = dt.datetime(2024, 2, 29, 23, 59, 59, 123456)
    row = reader.query(
        "SELECT {t:DateTime64(6)}, {d:Date}, {n:Nullable(Int64)}, {f:Float64}, {m:Decimal(10,2)}, {u:UUID}, {b:Bool}",
        parameters={
            "t": moment,
            "d": dt.date(2024, 2, 29),
            "n": None,
            "f": -1.5e-300,
            "m": Decimal("12.34"),
            "u": UUID(int=5),
            "b": True,
        },
    ).result_rows[0]
    assert row == (moment, dt.date(2024, 2, 29), None, -1.5e-300, Decimal("12.34"), UUID(int=5), True)
    many = list(range(20_000))
    found = reader.query("SELECT count() FROM otel.numbers WHERE n IN {many:Array(UInt64)}", parameters={"many": many})
    assert found.result_rows == [(20_000,)]


def test_every_shape_of_answer(reader):
    """Rows, columns, frames, Arrow tables and their streams hold the same rows."""
    sql = "SELECT n, name FROM numbers ORDER BY n"
    assert reader.query(sql).row_count == ROWS
    frame = reader.query_df(sql)
    assert (len(frame), frame.n.sum()) == (ROWS, ROWS * (ROWS - 1) // 2)
    assert reader.query_np("SELECT n FROM numbers").sum() == ROWS * (ROWS - 1) // 2
    assert reader.query_arrow(sql).num_rows == ROWS
    with reader.query_arrow_stream(sql) as batches:
        assert sum(batch.num_rows for batch in batches) == ROWS
    with reader.query_df_stream(sql) as frames:
        assert sum(len(frame) for frame in frames) == ROWS
    with reader.query_row_block_stream(sql) as blocks:
        assert sum(len(block) for block in blocks) == ROWS
    with reader.query_rows_stream("SELECT number FROM system.numbers LIMIT 3000000") as rows:
        assert sum(1 for _ in rows) == 3_000_000
    assert reader.raw_query(sql + " LIMIT 1", fmt="CSVWithNames") == b'"n","name"\n0,"name 0"\n'


def test_empty_answers_and_columns(reader):
    """No rows is an answer too, and LIMIT 0 tells the columns."""
    assert reader.query("SELECT n, name FROM numbers WHERE n > 1e12").result_rows == []
    assert reader.query("SELECT n, name FROM numbers LIMIT 0").column_names == ("n", "name")
    assert len(reader.query_df("SELECT n FROM numbers WHERE n > 1e12")) == 0
    assert reader.command("SELECT count() FROM numbers") == ROWS
    assert reader.command("EXISTS TABLE numbers") == 1


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_a_big_insert_comes_back_equal(server, maintainer, compress):
    """100,000 rows of many types, with each compression, both ways."""
    server.ask(
        "migrator",
        """
        CREATE TABLE IF NOT EXISTS otel.everything
        (n UInt64, s LowCardinality(String), m Map(LowCardinality(String), String), t DateTime64(9),
         a Array(Nullable(Float64)), u UUID, e Enum8('a' = 1, 'b' = 2), b Bool, p Tuple(x Int8, y String))
        ENGINE = MergeTree ORDER BY n
        """,
    )
    maintainer.command("TRUNCATE TABLE otel.everything")
    moment = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    rows = [
        [
            n,
            f"s{n % 7}",
            {"k": str(n), "z": ""},
            moment,
            [None, n / 2],
            UUID(int=n),
            "ab"[n % 2],
            n % 3 == 0,
            (n % 100, "y"),
        ]
        for n in range(100_000)
    ]
    names = ["n", "s", "m", "t", "a", "u", "e", "b", "p"]
    with server.client("collector", compress=compress) as collector:
        summary = collector.insert("everything", rows, column_names=names)
    assert summary.written_rows == 100_000
    with server.client("reader", compress=compress) as reader:
        found = reader.query("SELECT * EXCEPT t FROM everything ORDER BY n").result_rows
    assert [list(row) for row in found[:50]] == [
        [n, s, m, a, u, e, b, {"x": p[0], "y": p[1]}] for n, s, m, _, a, u, e, b, p in rows[:50]
    ]
    assert len(found) == 100_000


def test_raw_and_frame_inserts(server, maintainer, reader):
    """Data frames, Arrow tables and raw bytes go in as well."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.raw (n UInt64, name String) ENGINE = MergeTree ORDER BY n")
    maintainer.insert_df("raw", reader.query_df("SELECT n, name FROM numbers WHERE n < 10"))
    maintainer.insert_arrow("raw", reader.query_arrow("SELECT n, name FROM numbers WHERE n < 10"))
    maintainer.raw_insert("raw", ["n", "name"], b"1\tx\n2\ty\n", fmt="TSV")
    maintainer.raw_insert("raw", ["n", "name"], iter([b"1,x\n", b"2,y\n"]), fmt="CSV")
    assert reader.command("SELECT count() FROM raw") == 24


def test_errors_carry_code_and_name(reader):
    """A wrong statement, a refused one, and one that fails in the middle of its rows."""
    with pytest.raises(DatabaseError) as caught:
        reader.query("SELECT nosuch FROM numbers")
    assert (caught.value.code, caught.value.name) == (47, "UNKNOWN_IDENTIFIER")
    with pytest.raises(DatabaseError) as caught:
        reader.command("DROP TABLE numbers")
    assert caught.value.code == 497
    late = "SELECT throwIf(number = 8000000, 'late') FROM system.numbers LIMIT 9000000"
    with pytest.raises(StreamFailureError, match="late"), reader.query_row_block_stream(late) as blocks:
        for _ in blocks:
            pass
    with pytest.raises(StreamFailureError, match="late"):
        # The client reads a long answer only when it is asked for the rows.
        assert reader.query(f"SELECT *, 'some text to make it longer than what is held' FROM ({late})").row_count


def test_settings_of_the_client(server, reader):
    """What may be chosen is sent and taken; what may not is told."""
    asked = reader.query("SELECT getSetting('max_threads')", settings={"max_threads": 1})
    assert asked.result_rows == [(1,)]
    with pytest.raises(DatabaseError) as caught:
        reader.query("SELECT 1", settings={"max_bytes_to_read": 10})
    assert caught.value.code == 452
    with server.client("reader", settings={"max_execution_time": 3}) as client:
        assert client.command("SELECT getSetting('max_execution_time')") == 3


def test_threads_share_a_client(reader):
    """One client without a session, eight threads."""
    wrong = []

    def work(number):
        for _ in range(20):
            found = reader.query(
                "SELECT {x:UInt64}, sum(n) FROM numbers WHERE n < {x:UInt64}", parameters={"x": number}
            )
            if found.result_rows != [(number, number * (number - 1) // 2)]:
                wrong.append(found.result_rows)

    threads = [threading.Thread(target=work, args=(number + 2,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_async_client(server):
    """Queries, frames, streams, inserts and errors of the asynchronous client, thirty at a time."""
    server.ask(
        "migrator", "CREATE TABLE IF NOT EXISTS otel.async_rows (n UInt64, s String) ENGINE = MergeTree ORDER BY n"
    )

    async def connect(user):
        return await clickhouse_connect.get_async_client(
            host="127.0.0.1",
            port=server.port,
            username=user,
            password=server.password(user),
            database="otel",
            autogenerate_session_id=False,
        )

    async def read_all(client, sql):
        async with await client.query_row_block_stream(sql) as blocks:
            return [len(block) async for block in blocks]

    async def scenario():
        reader, collector = await connect("reader"), await connect("collector")
        for text in TEXTS:
            assert (await reader.query("SELECT {x:String}", parameters={"x": text})).result_rows == [(text,)]
        answers = await asyncio.gather(
            *(reader.query("SELECT {x:UInt8}, count() FROM numbers", parameters={"x": x}) for x in range(30))
        )
        assert [answer.result_rows for answer in answers] == [[(x, ROWS)] for x in range(30)]
        assert len(await reader.query_df("SELECT * FROM numbers")) == ROWS
        assert (await reader.query_arrow("SELECT * FROM numbers")).num_rows == ROWS
        async with await reader.query_row_block_stream("SELECT number FROM system.numbers LIMIT 1000000") as blocks:
            assert sum([len(block) async for block in blocks]) == 1_000_000
        summary = await collector.insert(
            "async_rows", [[n, f"it's {n}"] for n in range(50_000)], column_names=["n", "s"]
        )
        assert summary.written_rows == 50_000
        long = ["x" * 1000] * 200
        assert (await reader.query("SELECT length({x:Array(String)})", parameters={"x": long})).result_rows == [(200,)]
        with pytest.raises(DatabaseError) as caught:
            await reader.query("SELECT nosuch")
        assert caught.value.code == 47
        late = "SELECT throwIf(number = 8000000, 'late'), toString(number) FROM system.numbers LIMIT 9000000"
        with pytest.raises(StreamFailureError):
            await read_all(reader, late)
        await reader.close()
        await collector.close()

    asyncio.run(scenario())
