"""Two answers joined to one observation for each group: changes, confirming windows, absence, two thresholds."""

import pytest

from services.monitoring_api.alerting.evaluation import Look, advance, look
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import AlertStatus, ObservationKind
from services.monitoring_api.alerting.rules import Rule

BREACHING, BETWEEN, HEALTHY = ObservationKind.BREACHING, ObservationKind.BETWEEN, ObservationKind.HEALTHY
NO_DATA, INCOMPLETE, IMMATURE = ObservationKind.NO_DATA, ObservationKind.INCOMPLETE, ObservationKind.IMMATURE


def rule(**given) -> Rule:
    """A rule over accuracy."""
    return Rule.model_validate({"alert": "A", "metric": "accuracy", **given})


def looks(asked: Rule, *answers: list[Reading] | str, known=()) -> list[Look]:
    """What the rule makes of the answers to its questions, in their order."""
    questions = asked.questions(0.0)
    assert len(questions) == len(answers)
    return look(asked, dict(zip(questions, answers, strict=True)), known, 0.0)


def test_questions_of_a_change():
    """The same window, just before or a week earlier, and everything as late as labels need."""
    previous = rule(window="6h", offset="1h", condition="< 0", change={"to": "previous"}).questions(0.0)
    assert [(one.window_seconds, one.end_offset_seconds) for one in previous] == [(21600, 3600), (21600, 25200)]
    week = rule(window="6h", condition="< 0", change={"to": "week"}).questions(0.0)
    assert [(one.window_seconds, one.end_offset_seconds) for one in week] == [(21600, 0), (21600, 604800)]


@pytest.mark.parametrize(
    ("measured", "now", "then", "change"),
    [
        ("ratio", 0.6, 0.8, 0.75),
        ("difference", 0.6, 0.8, -0.2),
        ("relative", 0.6, 0.8, -0.25),
        ("relative", -0.5, -1.0, 0.5),
        ("relative", 0.0, 0.8, -1.0),
        ("difference", 0.5, 0.0, 0.5),
        ("ratio", 0.5, 0.0, None),
        ("relative", 0.5, 0.0, None),
        ("ratio", None, 0.8, None),
        ("ratio", 0.6, None, None),
        ("ratio", float("nan"), 0.8, None),
    ],
)
def test_how_much_a_figure_changed(measured, now, then, change):
    """The change is what the condition judges; without both figures, or from nothing, there is none."""
    asked = rule(condition="> 1000", change={"to": "week", "as": measured})
    (seen,) = looks(asked, [Reading({}, now, 50)], [Reading({}, then, 70)])
    assert seen.observation.value == (None if change is None else pytest.approx(change))
    assert seen.observation.kind is (NO_DATA if change is None else HEALTHY)
    assert seen.observation.count == 50


def test_a_change_rests_on_the_smaller_window():
    """`minimum_count` holds for both, for a few events change a figure by chance in either."""
    asked = rule(condition="> 0", change={"to": "previous"}, minimum_count=60)
    for counts in ((50, 70), (70, 50)):
        seen = looks(asked, *([Reading({}, 0.5 + n, count)] for n, count in enumerate(counts)))
        (change,) = advance(asked, 15, seen, {}, 0.0)
        assert (change.alert.state.status, str(change.alert.state.health)) == (AlertStatus.INACTIVE, "no_data")


def test_groups_of_both_windows_are_joined():
    """One that only one of the windows has did not change; one that is gone may be forgotten."""
    asked = rule(group_by=["model"], condition="> 0.1", change={"to": "previous", "as": "difference"})
    one, new, gone = ({"model": name} for name in ("one", "new", "gone"))
    seen = looks(asked, [Reading(one, 0.9), Reading(new, 0.9)], [Reading(gone, 0.5), Reading(one, 0.5)])
    assert [(each.labels["model"], each.observation.kind, each.present) for each in seen] == [
        ("one", BREACHING, True),
        ("new", NO_DATA, True),
        ("gone", NO_DATA, False),
    ]
    assert (seen[0].current, seen[0].earlier) == (0.9, 0.5)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("unripe", "kind"), [({"complete": False}, INCOMPLETE), ({"immature": "labels are late"}, IMMATURE)]
)
@pytest.mark.parametrize("given", [{"change": {"to": "previous"}}, {"confirm_window": "1m"}])
def test_neither_window_is_judged_before_it_is_ripe(given, which, unripe, kind):
    """Incomplete and immature figures never fire, whichever of the two windows they are of."""
    readings = [Reading({}, 9.0, 100), Reading({}, 1.0, 100)]
    readings[which] = Reading({}, 9.0, 100, **unripe)
    (seen,) = looks(rule(condition="> 0", **given), *([each] for each in readings))
    assert (seen.observation.kind, seen.observation.value) == (kind, None)


@pytest.mark.parametrize("which", [0, 1])
def test_one_failed_question_fails_the_look(which):
    """A change from half an answer is no change."""
    answers = [[Reading({}, 9.0)], [Reading({}, 1.0)]]
    answers[which] = "ClickHouse can't be reached"
    (seen,) = looks(rule(condition="> 0", change={"to": "week"}), *answers)
    assert (seen.observation.kind, seen.observation.error) == (ObservationKind.FAILED, "ClickHouse can't be reached")


@pytest.mark.parametrize(
    ("long", "short", "kind"),
    [
        (0.9, 0.9, BREACHING),
        (0.9, 0.45, BETWEEN),
        (0.45, 0.9, BETWEEN),
        (0.9, 0.1, HEALTHY),
        (0.1, 0.9, HEALTHY),
        (0.45, 0.1, HEALTHY),
        (None, 0.9, NO_DATA),
        (0.9, None, NO_DATA),
    ],
)
def test_two_windows_must_both_be_bad(long, short, kind):
    """Both past the condition fire; either past the other one ends it."""
    asked = rule(condition="> 0.5", resolve_condition="< 0.4", confirm_window="1m")
    (seen,) = looks(asked, [Reading({}, long, 1000)], [Reading({}, short, 10)])
    assert (seen.observation.kind, seen.observation.count) == (kind, 1000)


def test_an_alert_ends_by_its_own_condition():
    """It fires above one threshold and fires on until it is below the other."""
    asked = rule(condition="> 0.5", resolve_condition="< 0.4")
    stored, statuses = {}, []
    for number, value in enumerate([0.45, 0.6, 0.45, 0.5, 0.4, 0.39, 0.45]):
        (change,) = advance(asked, 15, looks(asked, [Reading({}, value, 10)]), stored, 15.0 * number)
        stored = {change.alert.fingerprint: change.alert}
        statuses.append(str(change.alert.state.status))
    assert statuses == ["inactive", "firing", "firing", "firing", "firing", "resolved", "resolved"]


@pytest.mark.parametrize(
    ("reading", "status"),
    [
        (Reading({}, None), "firing"),
        (Reading({}, 0.0, 0), "firing"),
        (Reading({}, float("nan"), 0), "firing"),
        (Reading({}, 0.0, 1), "inactive"),
        (Reading({}, 7.0, None), "inactive"),
        (Reading({}, 0.0, 0, complete=False), "inactive"),
    ],
)
def test_absence_is_no_data_at_all(reading, status):
    """A figure of zero is data; no events are none; what has not arrived is not absent."""
    asked = rule(absent=True)
    (change,) = advance(asked, 15, looks(asked, [reading]), {}, 0.0)
    assert str(change.alert.state.status) == status


def test_only_groups_that_were_there_are_absent():
    """Before any group was seen nothing is missed; one that vanishes is, until it is back."""
    asked = rule(absent=True, group_by=["model"])
    (change,) = advance(asked, 15, looks(asked, []), {}, 0.0)
    assert (str(change.alert.state.status), change.forget) == ("inactive", True)
    (change,) = advance(asked, 15, looks(asked, [Reading({"model": "m"}, 1.0, 5)]), {}, 15.0)
    stored = {change.alert.fingerprint: change.alert}
    for now, answer, status in ((30.0, [], "firing"), (45.0, [Reading({"model": "m"}, 1.0, 5)], "resolved")):
        (change,) = advance(asked, 15, looks(asked, answer, known=[{"model": "m", "alertname": "A"}]), stored, now)
        stored = {change.alert.fingerprint: change.alert}
        assert (str(change.alert.state.status), change.forget) == (status, False)


def test_texts_may_speak_of_both_figures():
    """A change without what it is a change of says little."""
    asked = rule(
        condition="< -10%",
        change={"to": "week", "as": "difference"},
        annotations={
            "summary": "{{ current | percent }}, was {{ earlier | percent }} ({{ value | percent }}), {{ condition }}"
        },
    )
    (change,) = advance(asked, 15, looks(asked, [Reading({}, 0.6)], [Reading({}, 0.8)]), {}, 0.0)
    assert change.alert.annotations["summary"] == "60.0 %, was 80.0 % (-20.0 %), difference change to last week < -0.1"
