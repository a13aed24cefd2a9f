"""A mail server that is away for a day, on a clock that runs as fast as it can; server and all our parts are real."""

import asyncio
import random

from services.monitoring_api.notify.backoff import Backoff
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.channels.email import EmailConfig
from services.monitoring_api.notify.delivery import Delivery, DeliveryPolicy
from services.monitoring_api.notify.history import MessageState, list_messages
from tests.notify.receivers import SmtpReceiver
from tests.worker.grouped_alerts import GroupedAlerts

HOUR = 3600.0
OUTAGE = (2 * HOUR, 26 * HOUR)
STEP = 600.0


class MailedAlerts(GroupedAlerts):
    """Alerts whose channel is a mail server."""

    def __init__(self, port: int) -> None:
        super().__init__(channels=[{"name": "mail", "type": "log"}], routes=[{"channels": ["mail"]}])
        mail = {
            "name": "mail", "type": "email", "host": "127.0.0.1", "port": port, "tls": "none", "timeout": "5s",
            "from": "a@example.org", "to": ["b@example.org"],
        }  # fmt: skip
        channel = EmailConfig.model_validate(mail).build(Surroundings(environment={}))
        policy = DeliveryPolicy(
            Backoff(1.0, 900.0), give_up_after_seconds=72 * HOUR, attempt_seconds=10.0, clock=lambda: self.now,
            random=random.Random(5).random,
        )  # fmt: skip
        self._delivery = Delivery(channel, self._transactions, policy)

    async def _transactions(self, work):
        with self.engine.begin() as connection:
            return work(connection)

    def pass_a_step(self) -> None:
        """Let a few minutes pass: look, decide, deliver what is due."""
        self.now += STEP
        self.look()
        self.flush()

        async def deliver() -> None:
            while await self._delivery._step() == 0:
                pass

        asyncio.run(deliver())


def _answer(passed: float) -> str:
    """What the server says: for half a day that it is overloaded, for half a day that it wants none of it."""
    if not OUTAGE[0] <= passed < OUTAGE[1]:
        return "250 2.0.0 queued"
    return "451 4.3.2 try again later" if passed < sum(OUTAGE) / 2 else "554 5.7.1 no"


def test_a_day_without_a_mail_server_loses_nothing():
    """Everything that was decided meanwhile arrives afterwards: each once, each group's in its order, marked late."""
    chance = random.Random(3)
    with SmtpReceiver() as server:
        alerts = MailedAlerts(server.port)
        began = alerts.now
        firing: set[str] = set()
        while (passed := alerts.now - began) < 30 * HOUR:
            server.data = _answer(passed)
            if passed % HOUR == 0:
                for name in ("A/1", "A/2", "B/1", "C/1"):
                    if chance.random() < 0.3:
                        (alerts.end if name in firing else alerts.fire)(name)
                        firing ^= {name}
            alerts.pass_a_step()
        alerts.end(*firing)
        for _ in range(20):
            alerts.pass_a_step()
        with alerts.engine.begin() as connection:
            rows = list_messages(connection, limit=1000).messages[::-1]
        alerts.engine.dispose()

    assert {one.state for one in rows} == {MessageState.DELIVERED}
    sent = [one.notification for one in rows]
    during = [one for one in sent if OUTAGE[0] <= one.created_at - began < OUTAGE[1]]
    assert len(during) > 10
    arrived = [str(mail["X-Sightglass-Idempotency-Key"]) for mail in server.mails]
    assert len(arrived) == len(set(arrived)), "nothing twice"
    assert set(arrived) == {one.idempotency_key for one in sent}, "everything"
    for key in {one.group_key for one in sent}:
        decided = [one.idempotency_key for one in sent if one.group_key == key]
        assert [one for one in arrived if one in set(decided)] == decided, "in order"
    for incident in {one.incident for one in sent}:
        statuses = [str(one.status) for one in sent if one.incident == incident]
        assert statuses == ["firing"] * (len(statuses) - 1) + ["resolved"], "each conversation ends, and only once"
    late = [mail for mail in server.mails if "Sent late" in mail.get_body(("plain",)).get_content()]
    assert len(late) >= len(during) - 2
