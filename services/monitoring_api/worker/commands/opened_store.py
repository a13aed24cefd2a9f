"""The worker's store, opened for one thing that is done at the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.notify.tables import members
from services.monitoring_api.worker.settings import WorkerSettings
from sightglass.process_settings import read_settings, shown


@contextmanager
def store_transaction(*, writes: bool = False) -> Iterator[Connection]:
    """One transaction on the worker's store.

    Args:
        writes: Whether anything is written.

    Raises:
        click.ClickException: When there is no store, it is an older one, or it can't be used.
    """
    url = read_settings(WorkerSettings).resolved_store_url()
    try:
        if not _is_there(url):
            raise click.ClickException(
                f"there is no alert store at {shown(url)}: the worker makes it when it starts; set "
                "SIGHTGLASS_DATA_DIR or SIGHTGLASS_WORKER_STORE_URL to the worker's"
            )
        engine = open_store(url, writer=writes)
        try:
            with engine.begin() as connection:
                if not sa.inspect(connection).has_table(members.name):
                    raise click.ClickException(
                        f"the alert store at {shown(url)} is of an older version: start the worker once, which brings "
                        "it up to date"
                    )
                yield connection
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise click.ClickException(f"the alert store {shown(url)} can't be used: {type(error).__name__}") from None


def _is_there(url: str) -> bool:
    place = make_url(url)
    return place.get_backend_name() != "sqlite" or Path(str(place.database)).exists()
