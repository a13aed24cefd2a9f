"""Messages get the figures of their pictures from the real engine, or go without."""

import asyncio
from datetime import timedelta

import pytest

from services.monitoring_api.alerting.figures import figures_in
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.notify.channels.email import MOST_PICTURES
from services.monitoring_api.notify.picture import draw_picture
from services.monitoring_api.worker import illustrating
from services.monitoring_api.worker.illustrating import Illustrator
from tests.monitoring_api.store import T0, ChdbStore, span
from tests.notify.messages import firing, part

RULE = Rule.model_validate(
    {
        "alert": "TooManyErrors",
        "metric": "error_ratio",
        "filter": {"service": "ml-api"},
        "group_by": ["route"],
        "condition": "> 0.05",
        "labels": {"severity": "page"},
    }
)
FIRED = T0 + timedelta(minutes=20)
LABELS = {"alertname": "TooManyErrors", "severity": "page", "route": "/v1/predict"}


@pytest.fixture(scope="module")
def engine():
    """Forty minutes of requests of two routes: from the twentieth on, half of one route's fail."""
    store = ChdbStore()
    rows = []
    for minute in range(40):
        for second in range(0, 60, 10):
            at = T0 + timedelta(minutes=minute, seconds=second)
            failing = minute >= 20 and second % 20 == 0
            rows += [span(at, status=500 if failing else 200), span(at, route="/other")]
    store.insert("otel_traces", rows)
    yield store
    store.release()


def illustrated(message, figures, rules=(RULE,)):
    """A message as it is sent half an hour after T0."""
    now = (T0 + timedelta(minutes=30)).timestamp()
    return asyncio.run(Illustrator(lambda: rules, figures, lambda: now)(message, MOST_PICTURES))


def test_the_alert_s_own_metric_and_group_are_shown_from_before_it_fired(engine):
    """The route's error ratio is 0 before the event and a half after it; the other route has no part in it."""
    message = firing(alerts=(part(labels=LABELS, fired_at=FIRED.timestamp(), condition="> 0.05"),))
    (alert,) = illustrated(message, figures_in(engine)).alerts
    known = [(at, value) for at, value in alert.series if value is not None]
    assert {value for at, value in known if at < FIRED.timestamp()} == {0.0}
    after = [value for at, value in known if at >= FIRED.timestamp()]
    assert after
    assert max(after) == pytest.approx(0.5)
    assert draw_picture(alert).startswith(b"\x89PNG")


def test_a_message_goes_without_a_picture_where_its_rule_is_gone_or_nothing_answers(engine, monkeypatch):
    """No rule, a dead database and a slow one leave the message as it was."""
    message = firing(alerts=(part(labels=LABELS, fired_at=FIRED.timestamp()),))

    async def slow(*_):
        await asyncio.sleep(60)

    class Dead:
        async def fetch(self, *_, **__):
            raise ConnectionError

    monkeypatch.setattr(illustrating, "DEADLINE_SECONDS", 0.05)
    for sent in (
        illustrated(message, figures_in(engine), rules=()),
        illustrated(message, figures_in(Dead())),
        illustrated(message, slow),
    ):
        assert sent == message
