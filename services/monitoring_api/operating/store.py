"""The worker's store as another process uses it: short transactions, and nothing is ever created."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.alerting.engine import open_store
from services.web.problems import Unavailable

T = TypeVar("T")
_MISSING: Final = "There is no alert store yet: the alert worker makes it when it starts"
_OLD: Final = "The alert store is of an older version: the alert worker brings it forward when it starts"


class AlertStore:
    """Reads and writes the store that the alert worker made; it is opened at the first question.

    Args:
        url: An SQLAlchemy URL, as the worker has it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader = open_store(url, writer=False)
        self._writer = open_store(url, writer=True)

    async def read(self, work: Callable[[Connection], T], *, tables: Iterable[sa.Table], empty: T) -> T:
        """Run a function that only reads.

        Args:
            work: The function.
            tables: What it reads.
            empty: The answer while one of these tables was never made.

        Raises:
            Unavailable: When the store can't be read.
        """
        return await self._run(self._reader, work, tables, lambda _: empty)

    async def write(self, work: Callable[[Connection], T], *, tables: Iterable[sa.Table]) -> T:
        """Run a function in one transaction; what it raises undoes all of it.

        Args:
            work: The function.
            tables: What it reads and writes.

        Raises:
            Unavailable: When the store can't be written, or was never made.
        """
        return await self._run(self._writer, work, tables, _refuse)

    async def close(self) -> None:
        """Let go of the store."""
        await asyncio.to_thread(self._reader.dispose)
        await asyncio.to_thread(self._writer.dispose)

    async def _run(
        self,
        engine: Engine,
        work: Callable[[Connection], T],
        tables: Iterable[sa.Table],
        otherwise: Callable[[str], T],
    ) -> T:
        names = [table.name for table in tables]

        def run() -> T:
            if not self._made():
                return otherwise(_MISSING)
            with engine.begin() as connection:
                inspector = sa.inspect(connection)
                if not all(inspector.has_table(name) for name in names):
                    return otherwise(_OLD)
                return work(connection)

        try:
            return await asyncio.to_thread(run)
        except SQLAlchemyError as error:
            raise Unavailable(f"The alert store does not answer now: {type(error).__name__}.") from error

    def _made(self) -> bool:
        parsed = make_url(self._url)
        return parsed.get_backend_name() != "sqlite" or (bool(parsed.database) and Path(str(parsed.database)).exists())


def _refuse(why: str) -> NoReturn:
    raise Unavailable(f"{why}; `sightglass status` shows whether it runs.")
