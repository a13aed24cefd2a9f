"""A lock that ClickHouse itself keeps: creating a table that exists fails, for all but one.

Owner and expiry stand in the table's comment, so that taking the lock and signing it are one statement. The holder
renews the expiry with each statement; the lock of a holder that died is moved aside once it has expired. Between moving
it aside and looking at what was moved lies a moment in which two can believe they hold it; the statements of a
migration are idempotent for that reason too.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from services.monitoring_api.migrate.database import Database, DatabaseError
from services.monitoring_api.migrate.errors import LockedError

TABLE = "schema_migrations_lock"
POLL_SECONDS = 0.5


@dataclass
class MigrationLock:
    """The lock of one database.

    Args:
        database: where the lock is kept.
        name: the ClickHouse database.
        lease_seconds: how long the lock outlives the last sign of its holder.
        now: the time, in seconds since 1970.
        sleep: waits for a number of seconds.
    """

    database: Database
    name: str
    lease_seconds: float
    now: Callable[[], float]
    sleep: Callable[[float], None]
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)

    @contextmanager
    def held(self, wait_seconds: float) -> Iterator[None]:
        """Holds the lock for the length of a `with` block.

        Raises:
            LockedError: another holder kept it for `wait_seconds`.
        """
        deadline = self.now() + wait_seconds
        while not self._take():
            if self.now() >= deadline:
                raise LockedError(
                    f"Another migration has held the lock {self.name}.{TABLE} for {wait_seconds:.0f} s. If none is "
                    f"running, it is taken over after {self.lease_seconds:.0f} s: try again then."
                )
            self.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            if self._holder() == self.owner:
                self.database.execute(f"DROP TABLE IF EXISTS {self.name}.{TABLE} SYNC")

    def renew(self) -> None:
        """Pushes the expiry back; called before each statement."""
        self.database.execute(f"ALTER TABLE {self.name}.{TABLE} MODIFY COMMENT '{self._signature()}'")

    def _take(self) -> bool:
        with suppress(DatabaseError):
            self.database.execute(
                f"CREATE TABLE {self.name}.{TABLE} (Unused UInt8) ENGINE = Memory COMMENT '{self._signature()}'"
            )
        if self._holder() == self.owner:
            return True
        self._move_aside_if_expired()
        return False

    def _move_aside_if_expired(self) -> None:
        seen = self._read(TABLE)
        if seen is None or float(seen["expires"]) > self.now():
            return
        aside = f"{TABLE}_{self.owner}"
        with suppress(DatabaseError):
            self.database.execute(f"RENAME TABLE {self.name}.{TABLE} TO {self.name}.{aside}")
            moved = self._read(aside)
            if moved is not None and moved != seen:
                self.database.execute(f"RENAME TABLE {self.name}.{aside} TO {self.name}.{TABLE}")
            else:
                self.database.execute(f"DROP TABLE IF EXISTS {self.name}.{aside} SYNC")

    def _holder(self) -> str | None:
        signature = self._read(TABLE)
        return None if signature is None else str(signature["owner"])

    def _read(self, table: str) -> dict[str, str | float] | None:
        rows = self.database.rows(
            "SELECT comment FROM system.tables WHERE database = {database:String} AND name = {table:String}",
            {"database": self.name, "table": table},
        )
        if not rows:
            return None
        try:
            signature: dict[str, str | float] = json.loads(rows[0][0])
        except ValueError:
            return {"owner": "", "expires": 0.0}
        return signature

    def _signature(self) -> str:
        return json.dumps({"owner": self.owner, "expires": self.now() + self.lease_seconds})
