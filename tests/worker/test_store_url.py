"""Where the store is: what its URL may say, and what is said when it is of no use."""

import asyncio
import traceback
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.alerting.engine import StorePasswordError, open_store, with_driver
from services.monitoring_api.alerting.evaluation import Change, StoredAlert
from services.monitoring_api.alerting.models import AlertState
from services.monitoring_api.alerting.store import write_changes
from services.monitoring_api.worker.store import Store, StoreUnusableError


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://a@b/c", "postgresql+psycopg"),
        ("postgres://a@b/c", "postgresql+psycopg"),
        ("postgresql+psycopg://a@b/c", "postgresql+psycopg"),
        ("sqlite:///a.sqlite", "sqlite"),
    ],
)
def test_a_url_without_driver_means_the_one_that_is_installed(url, driver):
    """Whatever form of the name people know."""
    assert with_driver(url).drivername == driver


def test_a_password_file_is_read_at_each_connection(postgresql, tmp_path):
    """The password of the moment is sent to the server, and nothing of the file's name."""
    path = tmp_path / "password"
    path.write_text("first\n")
    given = []
    engine = open_store(f"{postgresql.database()}&password_file={path}", writer=True)
    sa.event.listen(engine, "do_connect", lambda _d, _r, _a, parameters: given.append(parameters.get("password")))
    for password in ("first", "second"):
        path.write_text(password)
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
        engine.dispose()
    assert given == ["first", "second"]
    path.write_text("")
    with pytest.raises(StorePasswordError, match="is empty"):
        engine.connect()
    path.unlink()
    with pytest.raises(StorePasswordError, match="can't be read"):
        engine.connect()


@pytest.mark.parametrize("server", [False, True], ids=["sqlite", "postgresql"])
def test_an_error_of_the_store_shows_nothing_of_what_was_written(request, tmp_path, server):
    """The statement that failed is named, and nothing that people wrote: an annotation may hold a secret."""
    database = request.getfixturevalue("postgresql").database() if server else f"sqlite:///{tmp_path / 'a.sqlite'}"
    alert = StoredAlert("f", "A", "k", {"alertname": "A"}, {"summary": "password hunter2"}, AlertState())

    def work(connection):
        connection.execute(sa.text("ALTER TABLE alerts RENAME COLUMN annotations TO gone"))
        write_changes(connection, [Change(alert, ())])

    with closing(Store(database)) as store:
        store.create()
        with pytest.raises(SQLAlchemyError, match="UPDATE alerts SET") as caught:
            asyncio.run(store(work))
    shown = "".join([str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)])
    assert "hunter2" not in shown


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path):
    """The start ends with what to check."""
    with (
        closing(Store(f"postgresql://me:secret@/db?host={tmp_path}")) as store,
        pytest.raises(StoreUnusableError, match="SIGHTGLASS_WORKER_STORE_URL") as raised,
    ):
        store.create()
    assert "secret" not in str(raised.value)
