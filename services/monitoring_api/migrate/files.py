"""The numbered SQL files of a schema folder."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from services.monitoring_api.migrate.errors import MigrationError

_FILE_NAME = re.compile(r"^(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")


@dataclass(frozen=True)
class Migration:
    """One numbered file: its template and the checksum under which it is recorded."""

    version: int
    name: str
    template: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the template, so that neither a setting nor the target changes it."""
        return hashlib.sha256(self.template.encode()).hexdigest()


def load(folder: Path) -> list[Migration]:
    """Reads all migrations in order.

    Raises:
        MigrationError: the folder holds no migrations, two of one number, a gap, or a file of another name.
    """
    migrations: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.match(path.name)
        if match is None:
            raise MigrationError(f"{path}: a migration is named NNNN_name.sql, in lower case.")
        migrations.append(Migration(int(match["version"]), match["name"], path.read_text(encoding="utf-8")))
    if not migrations:
        raise MigrationError(f"No migrations in {folder}.")
    versions = [migration.version for migration in migrations]
    if versions != list(range(1, len(versions) + 1)):
        raise MigrationError(f"Migrations must be numbered 1, 2, 3... without gaps or twins, not {versions}.")
    return migrations
