"""One embedded ClickHouse for the tests that do not break it."""

import pytest

from tests.embedded_clickhouse.server import EmbeddedServer

ROWS = 200_000


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running server with a table `otel.numbers` (n UInt64, name String) of 200,000 rows."""
    server = EmbeddedServer(
        tmp_path_factory.mktemp("clickhouse") / "data",
        {"SIGHTGLASS_CLICKHOUSE_READER_MAX_SECONDS": "10", "SIGHTGLASS_CLICKHOUSE_EXTRA_DATABASES": "spare"},
    ).start()
    server.ask("migrator", "CREATE TABLE otel.numbers (n UInt64, name String) ENGINE = MergeTree ORDER BY n")
    server.ask(
        "migrator", f"INSERT INTO otel.numbers SELECT number, concat('name ', toString(number)) FROM numbers({ROWS})"
    )
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path):
    """Make servers for one test; they are stopped afterwards."""
    servers = []

    def make(**options):
        made = EmbeddedServer(tmp_path / f"data{len(servers)}", **options)
        servers.append(made)
        return made.start()

    yield make
    for made in servers:
        if made.process is not None and made.process.poll() is None:
            made.stop()
