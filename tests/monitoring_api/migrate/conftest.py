"""An empty ClickHouse in this process, and a schema folder to write migrations into."""

import pytest

from services.monitoring_api.migrate.settings import MigrateSettings
from tests.monitoring_api.migrate.chdb_database import ChdbDatabase


@pytest.fixture
def database(tmp_path):
    """ChDB over a folder of this test."""
    database = ChdbDatabase(tmp_path / "chdb")
    yield database
    database.close()


@pytest.fixture
def schema(tmp_path):
    """Writes migrations and returns settings that use them: `schema(first="SQL", second="SQL")`."""
    folder = tmp_path / "schema"
    folder.mkdir()

    def write(**migrations):
        for path in folder.iterdir():
            path.unlink()
        for number, (name, sql) in enumerate(migrations.items(), start=1):
            (folder / f"{number:04d}_{name}.sql").write_text(sql)
        return MigrateSettings(_env_file=None, schema_dir=folder, wait_seconds=0)

    return write
