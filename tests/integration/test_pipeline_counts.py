"""Nothing gets lost between an HTTP answer and a row in ClickHouse."""

import asyncio
import time

import pytest

from tests.integration import load, stored

REQUESTS = 20_000

pytestmark = pytest.mark.integration


@pytest.mark.timeout(600)
def test_twenty_thousand_requests_are_stored_exactly(stack):
    """20,000 answered requests are 20,000 server spans, and each prediction and label is one row, by identity."""
    since_ms = int(time.time() * 1000)
    answered = asyncio.run(load.send(stack.url("ml-api"), requests=REQUESTS))
    assert answered.failed == []
    assert sum(answered.requests.values()) == REQUESTS

    wanted = stored.expected(answered)
    assert stored.settled(stack, since_ms, wanted) == wanted
    assert stack.clickhouse(stored.UNNAMED_EVENTS)[0][0] == 0
