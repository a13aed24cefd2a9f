"""A channel's rate limit: what is over folds into one digest, in order, and nothing is dropped or told twice."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from services.monitoring_api.notify import outbox
from services.monitoring_api.notify.backoff import Backoff
from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.delivery import Delivery, DeliveryPolicy
from services.monitoring_api.notify.rate_limit import MAXIMUM_FOLDED, RateLimit, compose_digest
from tests.notify.messages import firing, part, resolved

LIMIT = RateLimit.model_validate({"messages": 3, "per": "1m"})
START = 1_795_433_551.0


class Limited:
    """An outbox with a channel that takes three messages a minute, on a clock that tests move."""

    def __init__(self, limit: RateLimit = LIMIT, *, folds: bool = True) -> None:
        self.engine = sa.create_engine("sqlite://", poolclass=StaticPool)
        outbox.metadata.create_all(self.engine)
        self.now = START
        self.sent = []
        self.failures = []
        policy = DeliveryPolicy(
            Backoff(1.0, 300.0), give_up_after_seconds=1000.0, attempt_seconds=5.0, clock=lambda: self.now,
            random=lambda: 0.999,
        )  # fmt: skip
        self.delivery = Delivery(self, self._transactions, policy, limit=limit, folds=folds)

    name = "ops"

    async def send(self, notification):
        """Fail as often as told, then keep the message."""
        if self.failures:
            raise self.failures.pop()
        self.sent.append(notification)
        return "taken"

    async def _transactions(self, work):
        with self.engine.begin() as connection:
            return work(connection)

    def put(self, *notifications) -> None:
        """Put messages into the outbox."""
        with self.engine.begin() as connection:
            for notification in notifications:
                outbox.enqueue(connection, notification)

    def work(self, seconds: float = 0.0, step: float = 1.0) -> list[str]:
        """Let it deliver for so long; return the keys of what arrived, a digest as its headlines."""

        async def run():
            until = self.now + seconds
            while True:
                while await self.delivery._step() == 0:
                    pass
                if self.now >= until:
                    return
                self.now = min(until, self.now + step)

        before = len(self.sent)
        asyncio.run(run())
        return [list(one.digest) if one.digest else one.idempotency_key for one in self.sent[before:]]

    def rows(self) -> list:
        """The outbox."""
        with self.engine.begin() as connection:
            return list(connection.execute(sa.select(outbox.notifications).order_by(outbox.notifications.c.id)))


@pytest.fixture
def make():
    """Makers of limited channels whose stores are closed in the end."""
    made = []

    def limited(*arguments, **options):
        made.append(Limited(*arguments, **options))
        return made[-1]

    yield limited
    for one in made:
        one.engine.dispose()


def of(name: str, **given):
    """The first message of a group."""
    return firing(idempotency_key=name, fingerprint=name, incident=f"{name}-1", annotations={"summary": name}, **given)


def end_of(name: str):
    """The last message of that group."""
    return resolved(
        idempotency_key=f"end of {name}", fingerprint=name, incident=f"{name}-1", annotations={"summary": name}
    )


def test_what_is_within_the_limit_goes_as_it_is(make):
    """Three at once, and three more when a minute has passed."""
    channel = make()
    channel.put(of("a"), of("b"), of("c"))
    assert channel.work(59) == ["a", "b", "c"]
    channel.put(of("d"))
    assert channel.work() == []
    assert channel.work(1) == ["d"]


def test_what_is_over_is_one_message(make):
    """The third place of the minute is the digest's: it lists what it stands for, and that counts as delivered."""
    channel = make()
    channel.put(*(of(name) for name in "abcdef"), end_of("d"))
    assert channel.work(600, step=60) == [
        "a", "b", ["[FIRING] c", "[FIRING] d", "[FIRING] e", "[FIRING] f", "[RESOLVED] d"],
    ]  # fmt: skip
    digest = channel.sent[-1]
    assert (digest.reason, str(digest.status)) == ("digest", "firing")
    assert [(one.fingerprint, str(one.status)) for one in digest.alerts] == [
        ("c", "firing"), ("e", "firing"), ("f", "firing"), ("d", "resolved"),
    ]  # fmt: skip
    assert all(row.delivered_at == channel.now - 600 for row in channel.rows())
    assert {row.folded_into for row in channel.rows()} == {None, 8}


def test_later_messages_wait_for_the_digest_of_theirs(make):
    """While a digest can't be delivered, nothing of its groups overtakes it; then all goes in its order."""
    channel = make()
    channel.put(of("a"), of("b"))
    channel.work()
    channel.put(of("c"), of("d"))
    channel.failures = [DeliveryFailedError("503")] * 3
    channel.work()
    channel.put(end_of("c"), of("e"))
    assert channel.work(0.5) == []
    arrived = channel.work(200, step=10)
    assert arrived[0] == ["[FIRING] c", "[FIRING] d"] or arrived[1] == ["[FIRING] c", "[FIRING] d"]
    told = [line for one in arrived for line in (one if isinstance(one, list) else [one])]
    assert told.index("end of c") > told.index("[FIRING] c")
    assert sorted(told) == ["[FIRING] c", "[FIRING] d", "e", "end of c"]


def test_an_attempt_that_was_begun_is_never_folded(make):
    """Its receiver may have it already: within a digest it would be told twice, under two keys."""
    channel = make()
    channel.put(of("a"), of("b"))
    channel.work()
    channel.put(of("c"))
    channel.failures = [DeliveryFailedError("timed out")]
    channel.work()
    channel.put(end_of("c"), of("d"), of("e"))
    arrived = channel.work(300, step=10)
    assert "c" in arrived
    assert ["[FIRING] d", "[FIRING] e"] in arrived
    assert arrived.index("c") < arrived.index("end of c")


def test_a_receiver_that_keeps_states_is_only_slowed_down(make):
    """Every message reaches it, three a minute."""
    channel = make(folds=False)
    channel.put(*(of(name) for name in "abcde"), end_of("a"))
    assert channel.work(59) == ["a", "b", "c"]
    assert channel.work(60) == ["d", "e", "end of a"]


def test_a_limit_of_one(make):
    """Each minute one message, which stands for all there is."""
    channel = make(RateLimit(messages=1, per="1m"))
    channel.put(of("a"))
    assert channel.work() == ["a"]
    channel.put(of("b"), of("c"))
    assert channel.work(60) == [["[FIRING] b", "[FIRING] c"]]
    channel.put(of("d"))
    assert channel.work(60) == ["d"]


def test_a_flood_is_a_few_digests(make):
    """A digest holds a thousand messages; the rest is another one's, and nothing is lost."""
    channel = make()
    channel.put(*(of(f"{i:016x}") for i in range(MAXIMUM_FOLDED + 300)))
    arrived = channel.work(120)
    told = [line.removeprefix("[FIRING] ") for one in arrived for line in (one if isinstance(one, list) else [one])]
    assert sorted(told) == [f"{i:016x}" for i in range(MAXIMUM_FOLDED + 300)]
    assert next(len(one) for one in arrived if isinstance(one, list)) == MAXIMUM_FOLDED


def test_a_digest_that_is_given_up_can_be_seen_with_all_it_holds(make):
    """Past its age it is dead, and so is each message in it, with where to look."""
    channel = make()
    channel.put(of("a"), of("b"))
    channel.work()
    channel.put(of("c"), of("d"))
    channel.failures = [DeliveryFailedError("550 no")] * 100
    channel.work(1400, step=100)
    last = channel.rows()[-3:]
    assert [row.abandoned_at is not None for row in last] == [True] * 3
    assert [row.detail for row in last] == ["given up with the digest 5"] * 2 + ["550 no"]


def test_a_digest_is_marked_late_by_its_oldest_message():
    """And the same messages always give the same key, however often they are folded."""
    folded = [of("a", created_at=START - 900), of("b"), firing(alerts=(part(), part(incident="other")), omitted=7)]
    digest = compose_digest("ops", folded)
    assert digest.created_at == START - 900
    assert digest.omitted == 7
    assert digest.idempotency_key == compose_digest("ops", folded).idempotency_key
    assert len(digest.alerts) == 4
