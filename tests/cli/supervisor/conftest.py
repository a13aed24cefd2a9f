import asyncio
import contextlib
import os
import socket
import time

import pytest

from services.cli.supervisor.backoff import Backoff
from services.cli.supervisor.supervisor import Supervisor
from tests.cli.supervisor.supervise import fake_unit


class Watched:
    """A supervisor under test: what it published, what its processes wrote down."""

    def __init__(self, folder):
        self.diary = folder / "diary"
        self.logs = folder / "logs"
        self.states = []
        self._stop = asyncio.Event()
        self._task = None

    def unit(self, name, *options, **unit):
        """Make a unit that runs the fake process and writes into this diary."""
        return fake_unit(name, self.diary, *options, **{"stop_timeout_seconds": 2.0, **unit})

    async def run(self, *units, backoff=None):
        """Start supervising and go on at once."""
        supervisor = Supervisor(
            units,
            logs=self.logs,
            environment=os.environ,
            publish=self.states.append,
            backoff=backoff or Backoff(first_seconds=0.1, longest_seconds=0.4),
        )
        self._task = asyncio.create_task(supervisor.run(self._stop))

    async def until(self, condition, seconds=15):
        """Wait for a condition over the published states."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.states[-1:]
            await asyncio.sleep(0.02)

    async def stop(self):
        """Ask it to stop, and return what `run` returned."""
        self._stop.set()
        return await self._task

    async def ended(self, seconds=20):
        """Wait until it ends by itself, and return what `run` returned."""
        return await asyncio.wait_for(self._task, seconds)

    @property
    def phase(self):
        """The phase it published last."""
        return self.states[-1]["phase"] if self.states else None

    def entry(self, name):
        """What it published last about a unit."""
        last = self.states[-1]
        return next(entry for entry in [*last["processes"], *last["steps"]] if entry["name"] == name)

    def notes(self):
        """The lines of the diary."""
        with contextlib.suppress(FileNotFoundError):
            return self.diary.read_text().splitlines()
        return []


@pytest.fixture
def anyio_backend():
    """The supervisor is written for asyncio."""
    return "asyncio"


@pytest.fixture
async def watched(tmp_path, anyio_backend):
    """A supervisor under test, stopped afterwards whatever happens."""
    watched = Watched(tmp_path)
    yield watched
    if watched._task is not None and not watched._task.done():
        await watched.stop()


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def wait_until(condition, seconds=15, message=""):
    """Look again and again until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.02)
