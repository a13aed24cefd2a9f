"""The rule that a chart becomes is one that the worker takes."""

import yaml

from dashboard.rule_text import RuleDraft
from services.monitoring_api.operating.given_rule import read_given_rule


def test_the_text_is_a_rule_as_the_worker_reads_it() -> None:
    """Checked by the very checker: filters of one value and of several, groups, both sides, how long it lasts."""
    draft = RuleDraft(
        name='Too: "slow" #1',
        metric="latency_p95",
        above=False,
        threshold=0.00012345,
        window="15m",
        lasting="5m",
        filters=("service=ml-api", "route=in(/a,/b\\,c)", "status_class!=5xx", "route^=/v1"),
        group_by=("route",),
    )
    rule = read_given_rule(draft.yaml())
    assert (rule.alert, rule.window, rule.for_seconds, rule.group_by) == ('Too: "slow" #1', 900, 300, ("route",))
    assert rule.filter == {"service": "ml-api", "route": ("/a", "/b,c")}
    assert str(rule.condition) == "< 0.00012345"
    assert draft.left_out == ["status_class!=5xx", "route^=/v1"]


def test_without_more_it_says_no_more() -> None:
    """Nothing that the chart does not have stands in the rule."""
    (rule,) = yaml.safe_load(RuleDraft("A", "request_rate", above=True, threshold=1200.0).yaml())
    assert list(rule) == ["alert", "metric", "window", "condition", "labels"]
    assert rule["condition"] == "> 1200"
