"""How many predictions are under way, and who is next."""

import asyncio

import pytest

from services.ml_api.admission import Gate
from services.ml_api.deadline import Deadline
from services.web.problems import TooManyRequests, TooSlow

LATE = Deadline(60.0)


def test_a_deadline_counts_down_to_nothing():
    """What remains shrinks with the time that is handed in, and is never negative."""
    deadline = Deadline.after(2.0, now=10.0)
    assert (deadline.remaining(10.5), deadline.remaining(13.0)) == (1.5, 0.0)
    assert (deadline.passed(11.9), deadline.passed(12.0)) == (False, True)


def test_more_than_the_room_are_refused_until_one_leaves():
    """Running and waiting ones fill the room; the next is a 429 that says when to ask again."""
    gate = Gate(concurrent=1, waiting=1)
    with gate.admit():
        with gate.admit(), pytest.raises(TooManyRequests) as refusal:
            gate.admit()
        with gate.admit():
            pass
    assert int(refusal.value.headers["Retry-After"]) > 0


def test_turns_are_given_in_the_order_of_arrival():
    """Who waited longest is next, and nobody who comes meanwhile overtakes."""

    async def run():
        gate, order = Gate(concurrent=1, waiting=9), []

        async def wait(number):
            await gate.wait_for_turn(LATE, now=0.0)
            order.append(number)
            gate.end_turn()

        assert gate.take_free_turn()
        waiting = [asyncio.create_task(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        gate.end_turn()
        assert not gate.take_free_turn()
        await asyncio.gather(*waiting)
        assert gate.take_free_turn()
        return order

    assert asyncio.run(run()) == [0, 1, 2]


def test_who_waited_too_long_is_told_so_and_leaves_the_queue():
    """A deadline that passes in the queue is a 504, and the turn goes to the next."""

    async def run():
        gate = Gate(concurrent=1, waiting=9)
        assert gate.take_free_turn()
        with pytest.raises(TooSlow):
            await gate.wait_for_turn(Deadline(1.0), now=1.0)
        gate.end_turn()
        assert gate.take_free_turn()

    asyncio.run(run())


def test_a_turn_that_comes_in_the_moment_of_cancelling_is_not_lost():
    """A waiter that is cancelled after it got its turn gives it back."""

    async def run():
        gate = Gate(concurrent=1, waiting=9)
        assert gate.take_free_turn()
        waiter = asyncio.create_task(gate.wait_for_turn(LATE, now=0.0))
        await asyncio.sleep(0)
        gate.end_turn()
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert gate.take_free_turn()

    asyncio.run(run())
