"""The pause between being told to stop and stopping."""

import asyncio
import os
import signal
import threading

import pytest

from services.web.draining import Draining

SHORT, LONG = 0.01, 60.0


class Stops(list):
    """The signals that reached the server's own handlers, as uvicorn would have them."""

    def __init__(self):
        super().__init__()
        self.some = threading.Event()

    def __call__(self, number, _frame):
        """Be a signal handler."""
        self.append(number)
        self.some.set()


@pytest.fixture
def stops():
    """Stands where uvicorn's handlers are while it serves."""
    stops = Stops()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, stops) for number in numbers]
    yield stops
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def drained(draining, *numbers, until=None):
    """Watch signals in a loop, send this process some, and say how long ago the first came once `until` is set."""

    async def run():
        draining.watch_signals()
        for number in numbers:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0)
        if until is not None:
            assert await asyncio.to_thread(until.wait, 10)
        return draining.seconds_since()

    return asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_is_told_after_the_pause(stops, number):
    """The service knows at once that it is to end; its server is told once the pause is over."""
    draining = Draining(SHORT)
    assert not draining.begun
    assert drained(draining, number, until=stops.some) >= SHORT
    assert draining.begun
    assert stops == [number]


def test_a_second_sigterm_changes_nothing(stops):
    """A process group and the parent of the workers both send it; the pause is kept."""
    draining = Draining(LONG)
    drained(draining, signal.SIGTERM, signal.SIGTERM)
    assert draining.begun
    assert stops == []


def test_a_second_ctrl_c_ends_the_pause(stops):
    """Whoever presses Ctrl+C twice does not want to wait."""
    drained(Draining(LONG), signal.SIGINT, signal.SIGINT)
    assert stops == [signal.SIGINT]


def test_nothing_has_begun_without_a_signal(stops):
    """Seconds count from the signal."""
    draining = Draining(SHORT)
    assert drained(draining) == 0.0
    assert not draining.begun
    assert stops == []
