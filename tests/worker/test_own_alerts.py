"""What the worker says of itself: pure decisions, looked at every 15 seconds."""

from dataclasses import replace

import pytest

from services.monitoring_api.alerting.models import EventKind, ObservationKind
from services.monitoring_api.worker.own_alerts import (
    DATASOURCE_DOWN,
    WORKER_BEHIND,
    GroupProgress,
    Sight,
    look_at_oneself,
    observe_datasource,
    observe_lag,
)

INTERVAL = 15.0
HOUR = 3600.0
WELL = Sight(4, 0, "", (GroupProgress("errors", 15.0, 0.0), GroupProgress("slow", 300.0, 0.0)), 40.0)


def at(sight: Sight, now: float, lag: float = 0.0) -> Sight:
    """The same sight, with every group's newest slot so long overdue."""
    groups = tuple(replace(group, slot=now - group.interval_seconds - lag) for group in sight.groups)
    return replace(sight, groups=groups)


def run(sights, down_after=60.0, since=1_000_000.0):
    """Look once per interval; return what happened: (alert, event, seconds since the start)."""
    stored, happened = {}, []
    for number, (sight, lag) in enumerate(sights):
        now = since + number * INTERVAL
        changes = look_at_oneself(
            at(sight, now, lag), stored, now, interval_seconds=INTERVAL, down_after_seconds=down_after
        )
        for change in changes:
            happened += [(change.alert.rule, event.kind, now - since) for event in change.events]
            if change.forget:
                stored.pop(change.alert.fingerprint, None)
            else:
                stored[change.alert.fingerprint] = change.alert
    return happened


def lasting(sight: Sight, seconds: float, lag: float = 0.0):
    """One look after another that see the same."""
    return [(sight, lag)] * int(seconds / INTERVAL)


def test_an_hour_without_clickhouse_is_one_alert():
    """It fires once, after a minute of nothing answered, and resolves after a minute of answers; no other is told."""
    blind = replace(WELL, failed=4, error="can't be reached")
    happened = run(lasting(WELL, 600) + lasting(blind, HOUR, lag=600.0) + lasting(WELL, 600))
    assert [(alert, kind) for alert, kind, _ in happened] == [
        (DATASOURCE_DOWN.name, EventKind.PENDING),
        (DATASOURCE_DOWN.name, EventKind.FIRED),
        (DATASOURCE_DOWN.name, EventKind.RESOLVED),
    ]
    assert [at for _, _, at in happened] == [600.0, 660.0, 600.0 + HOUR + 60.0]


def test_an_outage_with_gaps_is_still_one_alert():
    """A lucky answer in the middle, each quarter of an hour, neither ends it nor begins another."""
    blind = replace(WELL, failed=4, error="can't be reached")
    lucky = replace(WELL, failed=3, error="can't be reached")
    outage = [*lasting(blind, 900), (lucky, 0.0)] * 4
    kinds = [kind for _, kind, _ in run(outage + lasting(WELL, 600))]
    assert kinds == [EventKind.PENDING, EventKind.FIRED, EventKind.RESOLVED]


@pytest.mark.parametrize(
    ("sight", "kind"),
    [
        (WELL, ObservationKind.HEALTHY),
        (replace(WELL, failed=3), ObservationKind.HEALTHY),
        (replace(WELL, failed=4), ObservationKind.BREACHING),
        (replace(WELL, questions=0), ObservationKind.NO_DATA),
    ],
)
def test_only_when_nothing_is_answered_the_data_source_is_down(sight, kind):
    """One question that fails by itself is its rule's affair; without rules nothing is known."""
    assert observe_datasource(sight).kind is kind


@pytest.mark.parametrize(
    ("interval", "lag", "kind"),
    [
        (15.0, 0.0, ObservationKind.HEALTHY),
        (15.0, 70.0, ObservationKind.HEALTHY),
        (15.0, 71.0, ObservationKind.BREACHING),
        (300.0, 640.0, ObservationKind.HEALTHY),
        (300.0, 641.0, ObservationKind.BREACHING),
    ],
)
def test_a_group_is_late_after_two_intervals_and_the_patience_of_a_look(interval, lag, kind):
    """Waiting for data that is on its way is no lateness."""
    sight = replace(WELL, groups=(GroupProgress("one", interval, 1000.0 - interval - lag),))
    assert observe_lag(sight, 1000.0).kind is kind
    assert sight.goes_on(1000.0) is (kind is ObservationKind.HEALTHY)


def test_a_worker_that_falls_behind_says_so_and_by_how_much():
    """After a minute of late looks; it is over when looks are in time again for a minute."""
    happened = run(lasting(WELL, 60) + lasting(WELL, 300, lag=900.0) + lasting(WELL, 120))
    assert [(alert, kind) for alert, kind, _ in happened] == [
        (WORKER_BEHIND.name, EventKind.PENDING),
        (WORKER_BEHIND.name, EventKind.FIRED),
        (WORKER_BEHIND.name, EventKind.RESOLVED),
    ]
    now = 2_000.0
    (_, behind) = look_at_oneself(at(WELL, now, 900.0), {}, now, interval_seconds=15.0, down_after_seconds=60.0)
    assert "errors is 15m late" in behind.alert.annotations["description"]
