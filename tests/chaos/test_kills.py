"""kill -9 in mid-stream loses nothing."""

import asyncio
import signal
import time

import pytest

from tests.integration import load, stored

REQUESTS = 3_000

pytestmark = [pytest.mark.integration, pytest.mark.chaos]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", ["clickhouse", "collector"])
def test_a_kill_in_mid_stream_loses_nothing(fresh_stack, victim):
    """While requests stream, the victim is killed with -9 and restarted: every answer is still stored exactly once."""
    stack = fresh_stack(processes=("ml-api",))
    since_ms = int(time.time() * 1000)

    def kill_in_the_middle(number: int) -> None:
        if number == REQUESTS // 2:
            stack.kill(victim, signal.SIGKILL)

    answered = asyncio.run(load.send(stack.url("ml-api"), requests=REQUESTS, progress=kill_in_the_middle))
    assert answered.failed == [], "the ML API answers whatever happens behind it"
    stack.wait_up(victim)

    wanted = stored.expected(answered)
    assert stored.settled(stack, since_ms, wanted, patience_seconds=90) == wanted
    assert stack.clickhouse(stored.UNNAMED_EVENTS)[0][0] == 0
