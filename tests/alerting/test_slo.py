"""Objectives against the arithmetic that "The Site Reliability Workbook" publishes (chapter 5, Alerting on SLOs)."""

from itertools import pairwise

import pytest

from services.monitoring_api.alerting.annotations import check_template
from services.monitoring_api.alerting.evaluation import advance, look
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import AlertState, AlertStatus, EventKind
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.alerting.slo import PAIRS, Slo

HOUR, DAY = 3_600.0, 86_400.0


def slo(objective="99.9%", **given) -> Slo:
    """An objective; the workbook's is 99.9 % over 30 days."""
    return Slo.model_validate({"objective": objective, "indicator": "availability", **given})


def rules(objective="99.9%", **given) -> list[Rule]:
    """What an objective becomes."""
    asked = {"objective": objective, "indicator": "availability", **given}
    return list(Rule.model_validate({"alert": "A", "slo": asked, "minimum_count": 10}).expanded())


@pytest.mark.parametrize(
    ("number", "severity", "windows", "burn_rate", "budget"),
    [
        # The workbook's recommended parameters, and between them the pair that spends 10 % in a day.
        (0, "page", (HOUR, HOUR / 12), 14.4, 0.02),
        (1, "page", (6 * HOUR, HOUR / 2), 6.0, 0.05),
        (2, "ticket", (DAY, 2 * HOUR), 3.0, 0.10),
        (3, "ticket", (3 * DAY, 6 * HOUR), 1.0, 0.10),
    ],
)
def test_the_pairs_are_the_workbook_s(number, severity, windows, burn_rate, budget):
    """Windows, burn rates, severities, and how much of the budget has gone when each fires."""
    rule, objective = rules()[number], slo()
    assert (rule.labels["severity"], (rule.window, rule.confirm_window)) == (severity, windows)
    assert rule.condition.threshold == pytest.approx(burn_rate * 0.001, abs=1e-12)
    assert objective.burn_rate(rule.condition.threshold) == pytest.approx(burn_rate)
    assert objective.spent(rule.condition.threshold, rule.window) == pytest.approx(budget)
    assert rule.window == 12 * rule.confirm_window
    assert rule.metric == "error_ratio"


@pytest.mark.parametrize(("burn_rate", "lasts"), [(1, 30 * DAY), (2, 15 * DAY), (10, 3 * DAY), (1000, 43.2 * 60)])
def test_how_long_the_budget_lasts(burn_rate, lasts):
    """The workbook's table of burn rates and the time to exhaustion: 30, 15 and 3 days, and 43 minutes."""
    objective = slo()
    assert objective.spent(burn_rate * objective.budget, lasts) == pytest.approx(1.0)


@pytest.mark.parametrize("days", [28, 30, 90])
def test_other_periods_spend_the_same_share(days):
    """The budget spent when a pair fires does not depend on the period; the burn rate does."""
    objective = slo(period=f"{days}d")
    for pair in PAIRS:
        assert pair.burn_rate(days * DAY) * pair.long_seconds / (days * DAY) == pytest.approx(pair.budget_share)
        assert objective.spent(objective.condition(pair).threshold, pair.long_seconds) == pytest.approx(
            pair.budget_share, rel=1e-4
        )


def history(rule: Rule, bad_share: float, *, until: float, step: float, began: float = 0.0, ended: float = 1e9):
    """When the rule fires and resolves, looked at every `step`, with constant traffic of which a share was bad."""

    def share(start: float, end: float) -> float:
        return bad_share * max(0.0, min(end, ended) - max(start, began)) / (end - start)

    stored, happened = {}, []
    for number in range(int(until / step) + 1):
        now = number * step
        answers = {
            question: [Reading({}, share(now - question.window_seconds, now), 1e6)] for question in rule.questions(now)
        }
        (change,) = advance(rule, step, look(rule, answers, [], now), stored, now)
        stored = {change.alert.fingerprint: change.alert}
        happened += [(event.kind, now) for event in change.events if event.kind is not EventKind.PENDING]
    return happened


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("bad_share", [1.0, 0.1, 0.05])
def test_detection_takes_as_long_as_published(number, bad_share):
    """Detection time = (1 - objective) / error ratio x long window x burn rate; a total outage pages within 52 s."""
    rule = rules()[number]
    published = 0.001 / bad_share * rule.window * slo().burn_rate(rule.condition.threshold)
    step = max(1.0, published / 50)
    # Between two looks, for at the published time the share is the threshold itself, which is not yet too much.
    began = 10.5 * step
    happened = history(rule, bad_share, began=began, until=began + 1.2 * published + 2 * step, step=step)
    assert [kind for kind, _ in happened] == [EventKind.FIRED]
    assert 0 <= happened[0][1] - began - published <= step
    if number == 0 and bad_share == 1.0:
        assert published == pytest.approx(51.84)


def test_it_ends_a_short_window_after_the_errors():
    """The workbook: the page ends five minutes after the errors, not an hour; the long window alone would go on."""
    rule = rules()[0]
    ended = 600.0
    happened = history(rule, 0.5, ended=ended, until=3 * HOUR, step=5.0)
    assert [kind for kind, _ in happened] == [EventKind.FIRED, EventKind.RESOLVED]
    assert 240 < happened[1][1] - ended <= 300
    alone = rule.model_copy(update={"confirm_window": None})
    (_, resolved) = history(alone, 0.5, ended=ended, until=3 * HOUR, step=5.0)[1]
    assert resolved - ended > 0.9 * HOUR


def test_what_is_within_the_objective_fires_nothing():
    """Errors at just the rate that the objective allows use up the budget in its period, and nobody is paged."""
    for rule in rules():
        assert history(rule, 0.00099, until=4 * DAY, step=rule.window / 6) == []


def test_rules_of_one_objective_are_told_apart():
    """By severity and window, so that each is an alert of its own; one name groups them."""
    made = rules()
    assert len({rule.key for rule in made}) == 4
    assert [rule.alert_labels({}) for rule in made[:2]] == [
        {"alertname": "A", "severity": "page", "slo_window": "1h"},
        {"alertname": "A", "severity": "page", "slo_window": "6h"},
    ]


def test_a_low_objective_leaves_out_what_can_never_burn_so_fast():
    """At 90 %, a total outage burns ten times too fast: a pair that asks for 14.4 could not fire."""
    assert [rule.labels["slo_window"] for rule in rules("90%")] == ["6h", "1d", "3d"]


def test_latency_is_the_share_of_slow_requests():
    """By the threshold's own metric."""
    made = rules("95%", indicator="latency", threshold="300ms")
    assert {rule.metric for rule in made} == {"slow_ratio_300ms"}


def test_texts_say_what_it_means():
    """An objective brings texts that say how fast the budget goes; a rule's own win."""
    rule = rules("99%")[0]
    assert all(check_template(text) for text in rule.annotations.values())
    answers = {question: [Reading({}, 0.25, 1000)] for question in rule.questions(0.0)}
    (change,) = advance(rule, 60, look(rule, answers, [], 0.0), {}, 0.0)
    assert change.alert.state.status is AlertStatus.FIRING
    assert change.alert.annotations == {
        "summary": "A: the error budget goes 25 times too fast",
        "description": "Of the requests of the last 1h, 25.00 % failed, and it goes on; over 30d no more than 1 % may. "
        "These alone spent 3.5 % of that budget.",
    }
    asked = {"objective": "99%", "indicator": "availability"}
    own = Rule.model_validate({"alert": "A", "slo": asked, "annotations": {"summary": "mine"}})
    assert next(iter(own.expanded())).annotations["summary"] == "mine"


def test_an_hour_without_requests_is_no_data():
    """Neither window says anything then, whatever the other does."""
    rule = rules()[0]
    long, short = rule.questions(0.0)
    for readings in (
        {long: [Reading({}, 0.5, 100)], short: [Reading()]},
        {long: [Reading()], short: [Reading({}, 0.5)]},
    ):
        (change,) = advance(rule, 60, look(rule, readings, [], 0.0), {}, 0.0)
        assert change.alert.state == AlertState(last_evaluated_at=0.0, health="no_data")


def test_windows_are_ordered_from_fast_to_slow():
    """The faster the budget goes, the shorter the windows: each pair asks for a higher burn rate than the next."""
    for faster, slower in pairwise(PAIRS):
        assert faster.burn_rate(30 * DAY) > slower.burn_rate(30 * DAY)
        assert faster.long_seconds < slower.long_seconds
