"""Every message there was: pages, filters, and sending again what was given up."""

import pytest
import sqlalchemy as sa

from services.monitoring_api.notify import outbox
from services.monitoring_api.notify.history import (
    MessageFilter,
    MessageState,
    NotResendableError,
    UnknownMessageError,
    dead_letters,
    list_messages,
    read_message,
    resend,
)
from tests.notify.messages import firing, resolved

NOW = 1_795_440_000.0


@pytest.fixture
def connection():
    """An empty outbox."""
    engine = sa.create_engine("sqlite://")
    outbox.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def put(connection, *notifications) -> None:
    """Put messages into the outbox."""
    for notification in notifications:
        outbox.enqueue(connection, notification)


def ids(connection, limit=100, cursor=None, **wanted) -> list[int]:
    """The numbers of a page."""
    page = list_messages(connection, MessageFilter(**wanted), limit=limit, cursor=cursor)
    return [one.id for one in page.messages]


def test_pages_hold_each_message_once(connection):
    """The newest first, to the end, also while new ones come."""
    put(connection, *(firing(idempotency_key=str(i)) for i in range(1, 8)))
    seen, cursor = [], None
    for _ in range(3):
        page = list_messages(connection, limit=3, cursor=cursor)
        seen += [one.id for one in page.messages]
        cursor = page.cursor
        put(connection, firing(idempotency_key=f"new {cursor}"))
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert cursor is None


def test_filters(connection):
    """By channel, state, status, alert, conversation and time."""
    put(
        connection,
        firing(idempotency_key="1", fingerprint="a"),
        firing(idempotency_key="2", fingerprint="b", channel="other", created_at=NOW),
        resolved(idempotency_key="3", fingerprint="a"),
        firing(idempotency_key="4", fingerprint="c", incident="i"),
    )
    outbox.mark_delivered(connection, 1, at=NOW, receipt="ok")
    outbox.mark_abandoned(connection, 2, at=NOW, error="550")
    assert ids(connection, channel="other") == [2]
    assert ids(connection, fingerprint="a") == [3, 1]
    assert ids(connection, status="resolved") == [3]
    assert ids(connection, incident="i") == [4]
    assert ids(connection, since=NOW) == [2]
    assert ids(connection, until=NOW) == [4, 3, 1]
    assert [ids(connection, state=state) for state in MessageState] == [[4, 3], [], [1], [2]]
    assert ids(connection, fingerprint="a", state=MessageState.DELIVERED) == [1]
    message = read_message(connection, 2)
    assert (message.state, message.detail, message.next_attempt_at, message.attempts) == ("dead", "550", None, 1)


def test_what_was_given_up_is_sent_again_with_what_followed(connection):
    """A firing without its end would be left open; both wait again, in order, and are young again."""
    put(
        connection,
        firing(idempotency_key="1"),
        resolved(idempotency_key="2"),
        firing(idempotency_key="3", incident="i"),
    )
    for row_id in (1, 2, 3):
        outbox.mark_abandoned(connection, row_id, at=NOW, error="550")
    assert dead_letters(connection) == [1, 2, 3]
    assert resend(connection, 1, now=NOW + 5) == (1, 2)
    waiting = outbox.next_waiting(connection, "ops")
    assert (waiting.id, waiting.since, waiting.next_attempt_at) == (1, NOW + 5, NOW + 5)
    assert dead_letters(connection, "ops") == [3]
    assert read_message(connection, 1).resent_at == NOW + 5


def test_what_is_not_sent_again(connection):
    """What was not given up, what would contradict a later message that has arrived, and what there is not."""
    put(connection, firing(idempotency_key="1"), resolved(idempotency_key="2"))
    with pytest.raises(NotResendableError, match="was not given up: it is waiting"):
        resend(connection, 1, now=NOW)
    outbox.mark_abandoned(connection, 1, at=NOW, error="550")
    outbox.mark_delivered(connection, 2, at=NOW, receipt="ok")
    with pytest.raises(NotResendableError, match="notification 2 of the same incident has arrived"):
        resend(connection, 1, now=NOW)
    with pytest.raises(NotResendableError, match="it is delivered"):
        resend(connection, 2, now=NOW)
    with pytest.raises(UnknownMessageError):
        resend(connection, 9, now=NOW)


def test_a_digest_is_sent_again_for_all_it_holds(connection):
    """One that stands in it is not sent alone."""
    put(connection, firing(idempotency_key="1"), firing(idempotency_key="2", reason="digest", incident="digest"))
    connection.execute(sa.update(outbox.notifications).where(outbox.notifications.c.id == 1).values(folded_into=2))
    assert ids(connection, state=MessageState.FOLDED) == [1]
    outbox.mark_abandoned(connection, 2, at=NOW, error="550")
    assert dead_letters(connection) == [2]
    with pytest.raises(NotResendableError, match="told by the digest 2"):
        resend(connection, 1, now=NOW)
    assert resend(connection, 2, now=NOW) == (2,)
    assert [read_message(connection, row_id).state for row_id in (1, 2)] == ["folded", "waiting"]
