"""What every test may use: the real stack, shared or of its own."""

import functools
import re
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.integration.stack import Stack

_STACK = re.compile(r"def \w+\([^)]*\bstack\b")


class Scheduling(LoadFileScheduling):
    """A file's tests run in one worker process, and so do all files that ask for the shared stack."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "stack" if asks_for_the_stack(file) else file


@functools.cache
def asks_for_the_stack(file):
    """Whether a test or fixture of this file is given `stack`."""
    return _STACK.search((Path(__file__).parents[1] / file).read_text(encoding="utf-8")) is not None


def pytest_xdist_make_scheduler(config, log):
    """How `pytest -n` shares the tests out."""
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The whole real stack, started once and shared: look and add, but do not break it."""
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def postgresql():
    """A real PostgreSQL of this session's own; `postgresql.database()` is the URL of an empty database there."""
    from tests.worker.postgresql import PostgreSql

    with PostgreSql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """An empty alert store on each of the two databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.sqlite'}"
    return request.getfixturevalue("postgresql").database()


@pytest.fixture
def fresh_stack(tmp_path_factory):
    """Make a stack for one test: `fresh_stack(processes=(...), env={...})`. It is started, and stopped afterwards."""
    stacks = []

    def make(**options):
        stack = Stack(tmp_path_factory.mktemp("fresh-stack"), **options)
        stacks.append(stack)
        stack.start()
        return stack

    yield make
    for stack in stacks:
        stack.stop()
