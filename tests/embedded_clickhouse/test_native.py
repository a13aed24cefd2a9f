"""Native blocks in the frame of a newer client."""

import pytest

from services.embedded_clickhouse.errors import ClickHouseError
from services.embedded_clickhouse.native import BLOCK_INFO, reframed

COLUMNS = """
    number AS n, toString(number) AS s, toLowCardinality(toString(number % 3)) AS l, [number, NULL] AS a,
    map(toLowCardinality('k'), toString(number)) AS m, if(number % 2 = 0, NULL, now64(9)) AS t, (number, 'x') AS p,
    toUUID('00000000-0000-0000-0000-000000000001') AS u, toDecimal64(number, 3) AS d, toIPv6('::1') AS i, true AS b,
    CAST('a' AS Enum8('a' = 1)) AS e, toFixedString('abc', 3) AS f, CAST([(1, 'z')] AS Nested(x UInt8, y String)) AS q,
    toLowCardinality(if(number % 2 = 0, NULL, 'v')) AS ln, [toLowCardinality('x')] AS la,
    CAST(number AS Decimal(30, 2)) AS dd, CAST((1, 'y') AS Tuple(`a b` UInt8, c LowCardinality(String))) AS nt,
    [[[toFloat32(number)]]] AS deep, toDate('2024-01-01') AS day, toIntervalDay(1) AS iv,
    NULL AS nothing, [] AS none, (1., 2.)::Point AS pt, map('a', [1, NULL]) AS ma,
    CAST(number AS SimpleAggregateFunction(sum, UInt64)) AS sa, toUInt256(1) AS big, toDateTime(0, 'UTC') AS dt
"""

COLUMN_COUNT = 28


def _blocks(server, sql, **parameters):
    return server.post("reader", sql, default_format="Native", **parameters).content


def test_old_clients_get_plain_blocks_and_newer_ones_headers(server):
    """Below 54454 there is a header before each block, from there on a byte after each type as well."""
    sql = f"SELECT {COLUMNS.replace('now64(9)', 'toDateTime64(0, 9)')} FROM numbers(1000)"
    plain = _blocks(server, sql)
    assert _blocks(server, sql, client_protocol_version="54405") == BLOCK_INFO + plain
    newer = _blocks(server, sql, client_protocol_version="54460")
    assert newer == reframed(plain, 54460, single_block=False)
    assert len(newer) == len(plain) + len(BLOCK_INFO) + COLUMN_COUNT


def test_the_bytes_stand_where_they_belong(server):
    """A block of two columns, byte by byte."""
    newer = _blocks(server, "SELECT toUInt8(7) AS a, 'x' AS b", client_protocol_version="54460")
    assert newer == BLOCK_INFO + b"\x02\x01" + b"\x01a\x05UInt8\x00\x07" + b"\x01b\x06String\x00\x01x"


def test_several_blocks_in_one_document(server):
    """A document of many blocks gets a header before each, also for an old client."""
    plain = _blocks(server, "SELECT n, name FROM otel.numbers ORDER BY n")
    blocks = reframed(plain, 54405, single_block=False).count(BLOCK_INFO)
    assert blocks > 1
    assert _blocks(server, "SELECT n, name FROM otel.numbers ORDER BY n", client_protocol_version="54405").count(
        BLOCK_INFO
    ) == pytest.approx(blocks, abs=2)


def test_a_type_that_cannot_be_walked_is_told(server):
    """States of aggregate functions have no length that a client could know."""
    plain = _blocks(server, "SELECT quantileState(number) AS q FROM numbers(10)")
    with pytest.raises(ClickHouseError, match="AggregateFunction"):
        reframed(plain, 54460, single_block=True)
