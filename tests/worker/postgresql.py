"""A real PostgreSQL server in a temporary folder, reached by a socket there."""

import tempfile
import warnings
from pathlib import Path
from typing import Self
from uuid import uuid4

with warnings.catch_warnings():
    # It looks for the user's folder of run-time files, and a machine of tests may have none.
    warnings.simplefilter("ignore")
    import pgserver


class PostgreSql:
    """Starts the server; each database of it is empty at first."""

    def __enter__(self) -> Self:
        # Not pytest's folder: the server's own user must be able to enter it.
        self._server = pgserver.get_server(Path(tempfile.mkdtemp(prefix="pg-")), cleanup_mode="delete")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()

    def database(self) -> str:
        """The URL of a new database."""
        name = f"t{uuid4().hex[:12]}"
        self._server.psql(f"CREATE DATABASE {name};")
        return self._server.get_uri(name)
