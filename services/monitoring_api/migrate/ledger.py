"""The record of which migrations ran: the table `schema_migrations`."""

from dataclasses import dataclass

from services.monitoring_api.migrate.database import Database
from services.monitoring_api.migrate.errors import ChangedHistoryError
from services.monitoring_api.migrate.files import Migration
from services.monitoring_api.migrate.rendering import Target


@dataclass(frozen=True)
class Ledger:
    """Reads and writes `schema_migrations`."""

    database: Database
    target: Target

    def prepare(self) -> None:
        """Creates the database and the table."""
        target = self.target
        self.database.execute(f"CREATE DATABASE IF NOT EXISTS {target.database} {target.on_cluster}".strip())
        self.database.execute(
            f"CREATE TABLE IF NOT EXISTS {target.database}.schema_migrations {target.on_cluster}\n"
            "(version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))\n"
            f"ENGINE = {target.engine('ReplacingMergeTree')}\n"
            "ORDER BY version"
        )

    def applied(self) -> dict[int, str]:
        """Checksums of the migrations that ran, by version; empty when there is no record yet."""
        known = self.database.rows(
            "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
            {"database": self.target.database},
        )
        if not known[0][0]:
            return {}
        rows = self.database.rows(
            f"SELECT version, checksum FROM {self.target.database}.schema_migrations FINAL ORDER BY version"  # noqa: S608 - the name is checked by its setting
        )
        return {int(version): str(checksum) for version, checksum in rows}

    def record(self, migration: Migration) -> None:
        """Notes that a migration ran."""
        self.database.execute(
            f"INSERT INTO {self.target.database}.schema_migrations (version, name, checksum) "  # noqa: S608 - own names
            f"VALUES ({migration.version}, '{migration.name}', '{migration.checksum}')"
        )


def pending(migrations: list[Migration], applied: dict[int, str]) -> list[Migration]:
    """The migrations still to run.

    Raises:
        ChangedHistoryError: an applied migration reads differently now, or is not known here.
    """
    known = {migration.version: migration for migration in migrations}
    for version, checksum in applied.items():
        migration = known.get(version)
        if migration is None:
            raise ChangedHistoryError(
                f"This ClickHouse has migration {version:04d}, which this version of Sightglass does not know: it is "
                "older than the schema. Use the version that wrote it, or a newer one."
            )
        if migration.checksum != checksum:
            raise ChangedHistoryError(
                f"Migration {version:04d}_{migration.name} was applied in another form (checksum {checksum[:12]}, now "
                f"{migration.checksum[:12]}). Migrations only go forward: restore the file and add a new number."
            )
    return [migration for migration in migrations if migration.version not in applied]
