"""Takes references over from model cards, and runs what whoever has no loop of its own asks of ClickHouse."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from services.monitoring_api.database import ClickHouseDatabase, Database
from services.monitoring_api.database.client_settings import ClickHousePoolSettings
from services.monitoring_api.reference.document import Reference
from services.monitoring_api.reference.store import register

Made = TypeVar("Made")


async def register_all(database: Database, references: Iterable[Reference]) -> list[Reference]:
    """Store those that are not there yet, in this order: of one model, the last one's bins hold.

    Returns:
        Those that were stored.
    """
    return [each for each in references if await register(database, each)]


def run(settings: ClickHousePoolSettings, work: Callable[[ClickHouseDatabase], Coroutine[Any, Any, Made]]) -> Made:
    """Do some work on ClickHouse and let the connection go.

    Raises:
        Problem: ClickHouse can't be reached, or refuses.
    """

    async def connected() -> Made:
        database = ClickHouseDatabase(settings.connection("sightglass-reference"))
        try:
            return await work(database)
        finally:
            await database.close()

    # What the driver logs is also raised, and said once.
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(connected())
    finally:
        logging.disable(logging.NOTSET)
