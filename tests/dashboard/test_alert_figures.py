"""Which figure an alert's rule judges, and what asks for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.alert_answers import Rule
from dashboard.alert_figures import Judged, NotOneLine, judged_by, length
from dashboard.answers import Alert

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def rule(definition: dict[str, Any], **more: Any) -> Rule:
    """A rule in force as the API tells it."""
    told = {"name": "Rule", "metric": definition.get("metric"), "condition": "> 0.05", "window_seconds": 300.0}
    return Rule(**{**told, "definition": definition, **more})


def alert(**more: Any) -> Alert:
    """One of its alerts."""
    labels = {"alertname": "Rule", "severity": "page", "route": "/a,b", "model": "m"}
    return Alert(**{"rule": "Rule", "state": "firing", "labels": labels, "metric": "error_ratio", **more})


def test_filters_groups_and_threshold_become_the_question() -> None:
    """The labels say the group, and only those that the rule groups by; values as the API reads them."""
    definition = {
        "metric": "error_ratio",
        "filter": {"service": ["a,b", "c"], "fallback": True},
        "group_by": ["route"],
        "condition": "> 5%",
        "offset": "1h30m",
        "minimum_count": 20,
    }
    judged = judged_by(alert(), [rule(definition)])
    assert isinstance(judged, Judged)
    assert judged.filters == ("fallback=true", "route=/a,b", r"service=in(a\,b,c)")
    assert (judged.threshold, judged.window, judged.offset_seconds) == (0.05, "5m", 5_400.0)
    assert judged.notes == (
        "Its windows end 1h30m before each look.",
        "Windows with fewer than 20 events are not judged.",
    )
    began = NOW - timedelta(hours=2)
    period = judged.period(alert(active_since=began), NOW)
    assert (period.start, period.end) == ("2026-03-02T05:30:00Z", "now")
    question = judged.question(period, "UTC", NOW)
    asked = dict(question.parameters)
    assert (question.path, asked["metric"], asked["step"]) == ("/api/v1/metrics/history", "error_ratio", "300s")
    assert [value for name, value in question.parameters if name == "filter"] == list(judged.filters)


def test_the_range_ends_soon_after_it_was_resolved_and_has_no_more_points_than_fit() -> None:
    """What is over stays the same picture; what has lasted for weeks gets wider points."""
    judged = judged_by(alert(), [rule({"metric": "error_ratio"})])
    assert isinstance(judged, Judged)
    over = alert(state="resolved", active_since=NOW - timedelta(hours=9), resolved_at=NOW - timedelta(hours=8))
    assert judged.period(over, NOW).end == "2026-03-02T02:15:00Z"
    lasting = judged.period(alert(active_since=NOW - timedelta(days=20)), NOW)
    assert dict(judged.question(lasting, "UTC", NOW).parameters)["step"] == "auto"
    quiet = judged.period(alert(state="inactive"), NOW)
    assert (quiet.start, quiet.end) == ("2026-03-02T09:00:00Z", "now")


@pytest.mark.parametrize(
    ("definition", "why", "compare", "backtest"),
    [
        ({"sql": "SELECT 1"}, "a statement of its own", "none", True),
        ({"slo": {"objective": "99%"}}, "error_ratio over the last 1h and over a shorter window", "none", True),
        ({"metric": "prediction_rate", "absent": True}, "prediction_rate has no data for 5m", "none", False),
        (
            {"metric": "score_mean", "change": {"to": "previous", "as": "ratio"}},
            "how score_mean over 5m changed against that of the window before (ratio)",
            "previous",
            True,
        ),
        ({"metric": "accuracy", "change": {"to": "week"}}, "the same window a week before (relative)", "week", True),
    ],
)
def test_where_no_line_shows_it_the_figure_is_named(
    definition: dict[str, Any], why: str, compare: str, backtest: bool
) -> None:
    """Statements, objectives, absence and changes draw nothing that they do not judge."""
    labels = {"slo_window": "1h", "model": "m"}
    judged = judged_by(alert(labels=labels), [rule({**definition, "group_by": ["model"]})])
    assert isinstance(judged, NotOneLine)
    assert why in judged.why
    assert (judged.compare, judged.drawn_by_backtest) == (compare, backtest)
    assert judged.filters == (() if "sql" in definition else ("model=m",))


def test_of_rules_of_one_name_the_one_whose_labels_fit_is_meant() -> None:
    """A ticket's threshold is not a page's; a rule that is gone is not guessed."""
    page = rule({"metric": "error_ratio"}, labels={"severity": "page"}, condition="> 0.2")
    ticket = rule({"metric": "error_ratio"}, labels={"severity": "ticket"})
    judged = judged_by(alert(), [ticket, page])
    assert isinstance(judged, Judged)
    assert judged.threshold == 0.2
    gone = judged_by(alert(), [ticket])
    assert isinstance(gone, NotOneLine)
    assert "not in force" in gone.why


@pytest.mark.parametrize(("seconds", "text"), [(300, "5m"), (5_400, "1h30m"), (86_400, "1d"), (0, "0s")])
def test_lengths_are_spelled_as_rules_spell_them(seconds: float, text: str) -> None:
    """As in a rule's file."""
    assert length(seconds) == text
