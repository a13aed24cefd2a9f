"""The store's tables: versions say how they came about, and the code says what they are."""

import importlib
import pkgutil
import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import services.monitoring_api as package
from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.worker.schema.upgrade import VERSION_TABLE, NewerStoreError, newest, upgrade, version
from services.monitoring_api.worker.store import Store


def every_metadata() -> list[sa.MetaData]:
    """Whatever tables any module of the monitoring API declares."""
    found = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.split(".")[2] in {"alerting", "notify", "worker"} and not module.name.endswith(
            (".__main__", ".schema.env")
        ):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, sa.MetaData):
                    found[id(value)] = value
    return list(found.values())


def test_versions_and_code_agree_about_every_table(store_url):
    """A store brought to the newest version has exactly the tables, columns and indexes that the code declares."""
    engine = open_store(store_url, writer=True)
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": False}
        )
        assert compare_metadata(context, every_metadata()) == []
        assert version(connection) == newest()
    engine.dispose()


def test_a_store_of_before_versions_is_adopted_with_what_it_holds(store_url):
    """Tables without a book of versions are taken for the first one: their rows stay, and what came later is added."""
    engine = open_store(store_url, writer=True)
    with engine.begin() as connection:
        upgrade(connection, target="0001")
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        connection.exec_driver_sql("INSERT INTO alert_workers (name, heartbeat_at) VALUES ('worker', 5)")
        assert version(connection) is None
    engine.dispose()
    store = Store(store_url)
    store.create()
    store.close()
    engine = open_store(store_url, writer=True)
    with engine.begin() as connection:
        assert version(connection) == newest()
        assert connection.exec_driver_sql("SELECT name, leads FROM alert_workers").one() in {
            ("worker", 0),
            ("worker", False),
        }
    engine.dispose()


def test_two_workers_may_bring_it_forward_at_once(postgresql):
    """All find it whole afterwards, and each step ran once. A SQLite file has one worker, by its lock."""
    store_url = postgresql.database()
    start = threading.Barrier(4)
    errors = []

    def bring_forward() -> None:
        engine = open_store(store_url, writer=True)
        start.wait()
        try:
            with engine.begin() as connection:
                upgrade(connection)
                assert version(connection) == newest()
        except Exception as error:
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=bring_forward) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_long_step_is_waited_for(postgresql):
    """What limits statements and transactions of a worker at work does not limit a step, and is back after it."""
    engine = open_store(postgresql.database(), writer=True)
    shown = sa.text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
    with engine.begin() as connection:
        upgrade(connection)
        assert connection.execute(shown).one() == ("0", "0")
    with engine.begin() as connection:
        assert connection.execute(shown).one() == ("30s", "10s")
    engine.dispose()


def test_a_failed_step_leaves_the_store_as_it_was(store_url):
    """All steps are one transaction: a power cut in the middle of them leaves nothing half done."""
    engine = open_store(store_url, writer=True)
    with engine.begin() as connection:
        upgrade(connection, target="0001")
    with engine.connect() as connection:
        upgrade(connection)
        connection.rollback()
    with engine.begin() as connection:
        assert version(connection) == "0001"
        assert not sa.inspect(connection).has_table("worker_lease")
    engine.dispose()


def test_a_store_of_a_newer_sightglass_is_left_alone(store_url):
    """An older worker says which version it found and what to do, and changes nothing."""
    engine = open_store(store_url, writer=True)
    with engine.begin() as connection:
        upgrade(connection)
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        with pytest.raises(NewerStoreError, match=r"version 9999.*run the newer Sightglass"):
            upgrade(connection)
    engine.dispose()
