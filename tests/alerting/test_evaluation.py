"""From answers to observations: groups that come, go, fail or are incomplete."""

import asyncio

import pytest

from services.monitoring_api.alerting.evaluation import Look, StoredAlert, advance, ask, look, retire_all
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.measurement import MeasurementFailedError, Reading
from services.monitoring_api.alerting.models import AlertState, AlertStatus, EventKind, Observation, ObservationKind
from services.monitoring_api.alerting.rules import Rule

NAME = {"alertname": "A"}
ONE, TWO = {"model": "one"}, {"model": "two"}


def rule(**given) -> Rule:
    """A rule over error_ratio."""
    return Rule.model_validate({"alert": "A", "metric": "error_ratio", "condition": "> 0.5", **given})


def kinds(looks: list[Look]) -> dict[str, ObservationKind]:
    """What each group was seen as."""
    return {one.labels.get("model", ""): one.observation.kind for one in looks}


def test_each_group_is_judged_by_itself():
    """One alert per group; NaN and None are no data."""
    answer = [
        Reading(ONE, 0.9),
        Reading(TWO, 0.1),
        Reading({"model": "three"}),
        Reading({"model": "four"}, float("nan")),
    ]
    assert kinds(look(rule(group_by=["model"]), answer, [])) == {
        "one": ObservationKind.BREACHING,
        "two": ObservationKind.HEALTHY,
        "three": ObservationKind.NO_DATA,
        "four": ObservationKind.NO_DATA,
    }


def test_a_group_that_is_gone_has_no_data():
    """A known group without a reading is looked at all the same, and may be forgotten once it is quiet."""
    looks = look(rule(group_by=["model"]), [Reading(ONE, 0.1)], [{**ONE, **NAME}, {**TWO, **NAME}])
    assert kinds(looks) == {"one": ObservationKind.HEALTHY, "two": ObservationKind.NO_DATA}
    assert [one.present for one in looks] == [True, False]


def test_no_group_at_all_is_one_alert():
    """A grouped rule without any group has no data as a whole; the first group that comes ends that."""
    grouped = rule(group_by=["model"])
    assert kinds(look(grouped, [], [])) == {"": ObservationKind.NO_DATA}
    assert kinds(look(grouped, [Reading(ONE, 0.9)], [NAME]))[""] is ObservationKind.HEALTHY


def test_a_failure_is_seen_by_every_known_alert():
    """Each alert of the rule fails, and the rule itself where it has none yet."""
    grouped = rule(group_by=["model"])
    assert [one.labels for one in look(grouped, "down", [])] == [NAME]
    looks = look(grouped, "down", [{**ONE, **NAME}, {**TWO, **NAME}])
    assert {one.observation.error for one in looks} == {"down"}
    assert kinds(looks) == {"one": ObservationKind.FAILED, "two": ObservationKind.FAILED}


def test_an_incomplete_window_is_not_judged():
    """Its figure neither fires nor resolves, and a group that is missing from it is not gone."""
    looks = look(rule(group_by=["model"]), [Reading(ONE, 0.9, complete=False)], [{**TWO, **NAME}])
    assert kinds(looks) == {"one": ObservationKind.FAILED, "two": ObservationKind.FAILED}
    assert "incomplete" in str(looks[0].observation.error)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MeasurementFailedError("ClickHouse can't be reached"), "ClickHouse can't be reached"),
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),
        (MeasurementFailedError("a\x00b\ud800"), "ab?"),
        (None, "no answer within 0.05 seconds"),
    ],
)
def test_whatever_goes_wrong_is_an_answer(error, text):
    """A failed, broken or endless query comes back as text."""

    async def measure(_rule, _now):
        if error is None:
            await asyncio.sleep(60)
        raise error

    assert asyncio.run(ask(rule(), measure, 0.0, timeout_seconds=0.05)) == text


def test_too_many_groups_are_refused():
    """A rule grouped by something unbounded fails instead of making a million alerts."""

    async def measure(_rule, _now):
        return [Reading({"model": str(i)}, 0.9) for i in range(1001)]

    assert "1,001 groups" in str(asyncio.run(ask(rule(group_by=["model"]), measure, 0.0, timeout_seconds=5)))


def test_a_vanished_group_is_forgotten_only_when_quiet():
    """What fires is kept whatever its group does; what is inactive goes."""
    labels = {**ONE, **NAME}
    gone = [Look(labels, Observation(ObservationKind.NO_DATA), present=False)]
    for status, forgotten in ((AlertStatus.INACTIVE, True), (AlertStatus.FIRING, False)):
        stored = StoredAlert(fingerprint(labels), "A", rule().key, labels, {}, AlertState(status, fired_at=1.0))
        (change,) = advance(rule(group_by=["model"]), 15, gone, {stored.fingerprint: stored}, 100.0)
        assert change.forget is forgotten


def test_annotations_are_rendered_with_what_was_seen():
    """Value, labels and status reach the template."""
    annotated = rule(
        group_by=["model"], annotations={"summary": "{{ labels.model }} {{ value | percent }} {{ status }}"}
    )
    (change,) = advance(annotated, 15, look(annotated, [Reading(ONE, 0.9)], []), {}, 100.0)
    assert change.alert.annotations == {"summary": "one 90.0 % firing"}


def test_a_removed_rule_ends_its_alerts_and_says_so():
    """Firing ones resolve with their cause, the others are forgotten."""
    firing = StoredAlert("a", "A", "k", NAME, {}, AlertState(AlertStatus.FIRING, fired_at=1.0))
    inactive = StoredAlert("b", "B", "l", {}, {}, AlertState())
    ended, forgotten = retire_all([firing, inactive], 50.0)
    assert [event.kind for event in ended.events] == [EventKind.RESOLVED]
    assert (ended.forget, forgotten.forget) == (False, True)
