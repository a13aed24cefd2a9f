"""From the outbox to a channel: order, back-off, giving up, and what a crash in between means."""

import asyncio
import itertools
import json

import pytest
import sqlalchemy as sa

from services.monitoring_api.notify import outbox, tables
from services.monitoring_api.notify.backoff import Backoff
from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.delivery import Delivery, DeliveryPolicy
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus
from tests.notify.messages import firing


class Recording:
    """A channel in memory that fails as it is told."""

    name = "ops"

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = itertools.chain(failures, itertools.repeat(None))
        self.sent = []

    async def send(self, notification):
        """Fail or keep it."""
        failure = next(self.failures)
        if failure is not None:
            raise failure
        self.sent.append(notification)
        return "taken"


class Clock:
    """A time that only moves when told."""

    def __init__(self) -> None:
        self.now = 1_795_433_551.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def engine(tmp_path):
    """An empty outbox."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'outbox.sqlite'}")
    outbox.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def clock():
    """A time to move."""
    return Clock()


def put(engine, *notifications) -> None:
    """Put messages into the outbox."""
    with engine.begin() as connection:
        for notification in notifications:
            outbox.enqueue(connection, notification)


def rows(engine) -> list:
    """The outbox."""
    with engine.begin() as connection:
        return list(connection.execute(sa.select(outbox.notifications).order_by(outbox.notifications.c.id)))


def steps(engine, channel, clock, count: int = 1, **options) -> None:
    """Let a delivery look at the outbox so many times."""

    async def transactions(work):
        with engine.begin() as connection:
            return work(connection)

    defaults = {"give_up_after_seconds": 1000.0, "attempt_seconds": 5.0, "clock": clock, "random": lambda: 0.999}
    policy = DeliveryPolicy(Backoff(1.0, 300.0), **{**defaults, **options})
    delivery = Delivery(channel, transactions, policy)

    async def run():
        for _ in range(count):
            await delivery._step()

    asyncio.run(run())


def test_a_message_is_recorded_as_delivered_only_after_success(engine, clock):
    """A failure leaves it waiting with its reason; a success keeps the receiver's word."""
    channel = Recording(DeliveryFailedError("503 later"))
    put(engine, firing())
    steps(engine, channel, clock)
    assert (rows(engine)[0].delivered_at, rows(engine)[0].attempts, rows(engine)[0].detail) == (None, 1, "503 later")
    clock.now += 1
    steps(engine, channel, clock)
    assert (rows(engine)[0].delivered_at, rows(engine)[0].attempts, rows(engine)[0].detail) == (clock.now, 2, "taken")
    steps(engine, channel, clock, 3)
    assert len(channel.sent) == 1


def test_a_resolve_never_overtakes_its_firing(engine, clock):
    """While the first message of a group waits, its later ones wait too; other groups go on."""
    channel = Recording(DeliveryFailedError("no"))
    put(
        engine,
        firing(idempotency_key="1"),
        firing(idempotency_key="2"),
        firing(idempotency_key="3", fingerprint="other"),
    )
    steps(engine, channel, clock, 3)
    assert [one.idempotency_key for one in channel.sent] == ["3"]
    clock.now += 5
    steps(engine, channel, clock, 2)
    assert [one.idempotency_key for one in channel.sent] == ["3", "1", "2"]


def test_the_same_key_is_taken_once(engine):
    """A transition that is replayed puts nothing new into the outbox."""
    with engine.begin() as connection:
        assert outbox.enqueue(connection, firing()) == 1
        assert outbox.enqueue(connection, firing()) is None
        assert outbox.enqueue(connection, firing(channel="another")) == 2


def test_a_message_survives_the_outbox_unchanged(engine):
    """What comes out is what went in."""
    notification = firing(
        labels={"ä": "\u2028\x00"},
        value=None,
        ended_at=1.5,
        trace_ids=("a",),
        series=((1.0, None), (2.0, 0.5)),
        digest=("b",),
    )
    put(engine, notification)
    with engine.begin() as connection:
        assert outbox.next_waiting(connection, "ops").notification == notification


def test_a_message_of_the_version_before_is_still_sent():
    """A body that an older worker left in the outbox, about one alert, reads as a group of one."""
    old = {
        "idempotency_key": "k", "channel": "ops", "status": "resolved", "reason": "resolved", "fingerprint": "f",
        "incident": "f-1", "alertname": "A", "fired_at": 1.0, "created_at": 9.0, "labels": {"a": "b"},
        "annotations": {"summary": "s"}, "group_labels": {"g": "h"}, "value": 0.5, "cause": "no_data", "error": "e",
        "ended_at": 8.0, "url": "http://u", "late_seconds": 0.0,
    }  # fmt: skip
    end = NotificationStatus.RESOLVED
    alert = AlertPart("f", "f-1", "A", end, {"a": "b"}, {"summary": "s"}, 0.5, "no_data", "e", 1.0, 8.0, "http://u")
    assert Notification.from_json(json.dumps(old)) == Notification(
        "k", "ops", end, "resolved", "f", "f-1", {"g": "h"}, (alert,), 9.0, "http://u"
    )


@pytest.mark.parametrize(
    ("attempts", "options", "low", "high"),
    [
        (0, {}, 0.5, 1),
        (3, {}, 4, 8),
        (20, {}, 150, 300),
        (10_000, {}, 150, 300),
        (0, {"permanent": True}, 150, 300),
        (0, {"retry_after_seconds": 42}, 42, 42),
        (20, {"retry_after_seconds": 1}, 150, 300),
        (0, {"retry_after_seconds": 10**9}, 3600, 3600),
    ],
)
def test_back_off(attempts, options, low, high):
    """It doubles up to its limit, is spread by chance, and never undercuts what the receiver asked for."""
    backoff = Backoff(1.0, 300.0)
    assert backoff.delay(attempts, lambda: 0.0, **options) == pytest.approx(low)
    assert backoff.delay(attempts, lambda: 1.0, **options) == pytest.approx(high)


def test_retry_after_is_honoured(engine, clock):
    """Nothing is sent before the time that a 429 named."""
    channel = Recording(DeliveryFailedError("429", retry_after_seconds=60))
    put(engine, firing())
    steps(engine, channel, clock)
    clock.now += 59
    steps(engine, channel, clock)
    assert channel.sent == []
    clock.now += 1.1
    steps(engine, channel, clock)
    assert len(channel.sent) == 1
    assert channel.sent[0].late_seconds == pytest.approx(60.1)


def test_an_old_message_is_given_up_and_stays_visible(engine, clock):
    """Past its age the next failure is the last, with its reason; later messages of the alert go on."""
    channel = Recording(*[DeliveryFailedError("550 no such user")] * 2)
    put(engine, firing(idempotency_key="1"), firing(idempotency_key="2"))
    clock.now += 1001
    steps(engine, channel, clock)
    assert (rows(engine)[0].abandoned_at, rows(engine)[0].detail) == (clock.now, "550 no such user")
    assert rows(engine)[0].delivered_at is None


@pytest.mark.parametrize("failure", [ZeroDivisionError("a bug"), RuntimeError("secret-url")])
def test_a_bug_in_a_channel_loses_nothing(engine, clock, failure):
    """The message waits, and what the exception said is not kept, for it may hold anything."""
    channel = Recording(failure)
    put(engine, firing())
    steps(engine, channel, clock)
    assert rows(engine)[0].detail == f"unexpected {type(failure).__name__}"
    clock.now += 301
    steps(engine, channel, clock)
    assert len(channel.sent) == 1


def test_an_attempt_without_an_end_is_cut_off(engine, clock):
    """A channel that hangs does not keep its messages for ever."""

    class Hanging(Recording):
        async def send(self, _notification):
            await asyncio.sleep(60)

    put(engine, firing())
    steps(engine, Hanging(), clock, attempt_seconds=0.05)
    assert rows(engine)[0].detail == "the attempt took too long"


def test_a_clock_set_back_does_not_hold_messages(engine, clock):
    """A due time that no back-off could have set counts as due."""
    channel = Recording()
    put(engine, firing(created_at=clock.now + 100_000))
    steps(engine, channel, clock)
    assert len(channel.sent) == 1


def test_finished_messages_are_forgotten(engine, clock):
    """What waits stays, however old; what a channel knows is kept elsewhere."""
    channel = Recording()
    put(engine, firing(idempotency_key="1"), firing(idempotency_key="2"))
    steps(engine, channel, clock, 2)
    put(engine, firing(idempotency_key="3", fingerprint="waiting"))
    with engine.begin() as connection:
        outbox.forget_notifications(connection, before=clock.now + 1)
        about = connection.execute(sa.select(tables.notification_alerts.c.fingerprint)).scalars().all()
    assert [row.idempotency_key for row in rows(engine)] == ["3"]
    assert about == ["waiting"]
