"""From answers to observations: groups that come, go, fail or are incomplete."""

import asyncio

import pytest

from services.monitoring_api.alerting.evaluation import Look, StoredAlert, advance, ask, look, retire_all
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import AlertState, AlertStatus, EventKind, Observation, ObservationKind
from services.monitoring_api.alerting.rules import Rule

NAME = {"alertname": "A"}
ONE, TWO = {"model": "one"}, {"model": "two"}


def rule(**given) -> Rule:
    """A rule over error_ratio."""
    return Rule.model_validate({"alert": "A", "metric": "error_ratio", "condition": "> 0.5", **given})


def looked(asked: Rule, answer, known=()) -> list[Look]:
    """What a rule with one question makes of its answer."""
    (question,) = asked.questions(0.0)
    return look(asked, {question: answer}, known, 0.0)


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
    assert kinds(looked(rule(group_by=["model"]), answer, [])) == {
        "one": ObservationKind.BREACHING,
        "two": ObservationKind.HEALTHY,
        "three": ObservationKind.NO_DATA,
        "four": ObservationKind.NO_DATA,
    }


def test_a_group_that_is_gone_has_no_data():
    """A known group without a reading is looked at all the same, and may be forgotten once it is quiet."""
    looks = looked(rule(group_by=["model"]), [Reading(ONE, 0.1)], [{**ONE, **NAME}, {**TWO, **NAME}])
    assert kinds(looks) == {"one": ObservationKind.HEALTHY, "two": ObservationKind.NO_DATA}
    assert [one.present for one in looks] == [True, False]


def test_no_group_at_all_is_one_alert():
    """A grouped rule without any group has no data as a whole; the first group that comes ends that."""
    grouped = rule(group_by=["model"])
    assert kinds(looked(grouped, [], [])) == {"": ObservationKind.NO_DATA}
    assert kinds(looked(grouped, [Reading(ONE, 0.9)], [NAME]))[""] is ObservationKind.HEALTHY


def test_a_failure_is_seen_by_every_known_alert():
    """Each alert of the rule fails, and the rule itself where it has none yet."""
    grouped = rule(group_by=["model"])
    assert [one.labels for one in looked(grouped, "down", [])] == [NAME]
    looks = looked(grouped, "down", [{**ONE, **NAME}, {**TWO, **NAME}])
    assert {one.observation.error for one in looks} == {"down"}
    assert kinds(looks) == {"one": ObservationKind.FAILED, "two": ObservationKind.FAILED}


def test_an_incomplete_window_is_not_judged():
    """Its figure neither fires nor resolves, and a group that is missing from it is not gone."""
    looks = looked(rule(group_by=["model"]), [Reading(ONE, 0.9, complete=False)], [{**TWO, **NAME}])
    assert kinds(looks) == {"one": ObservationKind.INCOMPLETE, "two": ObservationKind.INCOMPLETE}
    assert "incomplete" in str(looks[0].observation.error)


def test_a_rule_about_the_pipeline_judges_it_anyway():
    """While everything is cut off each window is incomplete: only such a rule can tell of it."""
    pipeline = rule(group_by=["model"], incomplete="judge")
    looks = looked(pipeline, [Reading(ONE, 0.9, complete=False)], [{**TWO, **NAME}])
    assert kinds(looks) == {"one": ObservationKind.BREACHING, "two": ObservationKind.NO_DATA}


def asked(measure) -> str | list[Reading]:
    """The answer to a rule's question."""
    (question,) = questions = rule(group_by=["model"]).questions(0.0)
    return asyncio.run(ask(questions, measure, 0.0, timeout_seconds=0.05))[question]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("ClickHouse can't be reached", "ClickHouse can't be reached"),
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),
        ("a\x00b\ud800", "ab?"),
        ("", "the query failed"),
        (None, "the query gave no answer"),
        (60.0, "no answer within 0.05 seconds"),
    ],
)
def test_whatever_goes_wrong_is_an_answer(given, text):
    """A failed, broken, forgotten or endless query comes back as text."""

    async def measure(questions, _now):
        if isinstance(given, Exception):
            raise given
        if isinstance(given, float):
            await asyncio.sleep(given)
        return {} if given is None else dict.fromkeys(questions, given)

    assert asked(measure) == text


def test_too_many_groups_are_refused():
    """A rule grouped by something unbounded fails instead of making a million alerts."""

    async def measure(questions, _now):
        return {key: [Reading({"model": str(i)}, 0.9) for i in range(1001)] for key in questions}

    assert "1,001 groups" in str(asked(measure))


def test_rules_that_ask_the_same_share_one_answer():
    """Thresholds differ, the question does not: it is asked once."""
    seen = []

    async def measure(questions, _now):
        seen.extend(questions)
        return {key: [Reading({}, 0.7)] for key in questions}

    rules = [rule(filter={"b": "2", "a": ["1", "3"]}), rule(condition="> 0.9", filter={"a": ["1", "3"], "b": "2"})]
    questions = [question for one in rules for question in one.questions(15.0)]
    answers = asyncio.run(ask(questions, measure, 15.0, timeout_seconds=5))
    assert len(seen) == 1
    assert [look(one, answers, [], 15.0)[0].observation.kind for one in rules] == [
        ObservationKind.BREACHING,
        ObservationKind.HEALTHY,
    ]


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
    (change,) = advance(annotated, 15, looked(annotated, [Reading(ONE, 0.9)], []), {}, 100.0)
    assert change.alert.annotations == {"summary": "one 90.0 % firing"}


def test_a_removed_rule_ends_its_alerts_and_says_so():
    """Firing ones resolve with their cause, the others are forgotten."""
    firing = StoredAlert("a", "A", "k", NAME, {}, AlertState(AlertStatus.FIRING, fired_at=1.0))
    inactive = StoredAlert("b", "B", "l", {}, {}, AlertState())
    ended, forgotten = retire_all([firing, inactive], 50.0)
    assert [event.kind for event in ended.events] == [EventKind.RESOLVED]
    assert (ended.forget, forgotten.forget) == (False, True)
