"""The demo's durable memory."""

import pytest

from services.cli.demo.ledger import DueLabel, Ledger, Sent


@pytest.fixture
def ledger(tmp_path):
    """A ledger on an empty folder."""
    return Ledger(tmp_path / "demo" / "ledger.sqlite")


def test_the_first_start_stays(ledger, tmp_path):
    """The first start is kept for good, also by a ledger opened later on the same file."""
    assert ledger.first_start(100.0) == 100.0
    assert Ledger(tmp_path / "demo" / "ledger.sqlite").first_start(500.0) == 100.0


def test_counts_add_up_over_chunks(ledger):
    """Each booked chunk adds its counts and moves the end of the covered time."""
    assert ledger.covered_until() is None
    for end in (10.0, 20.0):
        ledger.record_chunk(covered_until=end, sent=Sent(2, 6, 1, 1), told=[], coming=[])
    assert ledger.covered_until() == 20.0
    assert ledger.sent() == Sent(4, 12, 2, 2)


def test_a_label_waits_until_it_is_told(ledger):
    """A label is due once its time has passed, in order, and gone after it was told."""
    labels = [DueLabel("b", "late", 20.0), DueLabel("a", "on_time", 10.0)]
    ledger.record_chunk(covered_until=5.0, sent=Sent(), told=[], coming=labels)
    assert ledger.due_before(10.0) == []
    assert ledger.due_before(30.0) == [labels[1], labels[0]]
    ledger.record_told(["a"])
    assert ledger.due_before(30.0) == [labels[0]]


def test_a_served_flight_moves_the_end_and_leaves_its_label(ledger):
    """Live traffic books the prediction and what will follow it in one step; a cancelled flight leaves nothing."""
    ledger.record_served(covered_until=7.0, coming=DueLabel("a", "late", 9.0))
    ledger.record_served(covered_until=8.0, coming=None)
    assert ledger.covered_until() == 8.0
    assert ledger.due_before(100.0) == [DueLabel("a", "late", 9.0)]
