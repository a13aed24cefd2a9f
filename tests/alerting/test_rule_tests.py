"""`sightglass rules test`: rules against given series, as promtool does."""

import json
import math
import re
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from services.monitoring_api.alerting.given_series import Given, parse_series
from services.monitoring_api.alerting.verbs import rules

RULES = """
groups:
  - name: requests
    interval: 30s
    rules:
      - alert: TooManyErrors
        metric: error_ratio
        window: 5m
        filter: {service: ml-api}
        group_by: [route]
        condition: "> 5%"
        resolve_condition: "< 3%"
        for: 1m
        keep_firing_for: 2m
        minimum_count: 20
        no_data: ok
        labels: {severity: page}
        annotations: {summary: "{{ labels.route }}: {{ value | percent }}"}
      - {alert: Silence, metric: request_rate, absent: true, window: 5m, for: 2m}
      - {alert: Doubled, metric: request_rate, window: 10m, change: {to: previous, as: ratio}, condition: "> 2"}
      - {alert: Ours, sql: "SELECT 1 AS value WHERE {from:DateTime64(9)} < {to:DateTime64(9)}", condition: "> 2"}
      - {alert: Budget, slo: {objective: 99.9%, indicator: availability}}
"""
HEAD = "rule_files: [rules.yaml]\ntests:\n"
GOOD = """
  - name: errors come and go
    interval: 1m
    series:
      - {metric: error_ratio, labels: {service: ml-api, route: /a}, values: "0x2 0.1x3 0.04 0.01x9", counts: 100x20}
      - {metric: error_ratio, labels: {service: ml-api, route: /few}, values: 0.5x20, counts: 3x20}
      - {metric: error_ratio, labels: {service: other, route: /a}, values: 1x20, counts: 100x20}
    alerts:
      - {eval_time: 2m, alertname: TooManyErrors}
      - eval_time: 3m
        alertname: TooManyErrors
        expect:
          - {state: pending, labels: {route: /a, severity: page}}
      - eval_time: 4m
        alertname: TooManyErrors
        expect:
          - labels: {alertname: TooManyErrors, route: /a, severity: page}
            annotations: {summary: "/a: 10.0 %"}
            value: 0.1
            health: ok
      - {eval_time: 8m59s, alertname: TooManyErrors, expect: [{labels: {route: /a, severity: page}}]}
      - {eval_time: 10m, alertname: TooManyErrors}
  - name: nothing at all
    series: [{metric: request_rate, values: "5x5 _x10 error 5"}]
    alerts:
      - {eval_time: 7m, alertname: Silence, expect: [{state: pending}]}
      - {eval_time: 8m, alertname: Silence, expect: [{}]}
      - {eval_time: 16m, alertname: Silence, expect: [{health: error}]}
      - {eval_time: 17m, alertname: Silence}
  - name: twice as much
    interval: 5m
    series: [{metric: request_rate, values: [1, 1, 1, 2.5, 1]}]
    alerts:
      - {eval_time: 10m, alertname: Doubled}
      - {eval_time: 15m, alertname: Doubled, expect: [{value: 2.5}]}
  - name: a statement
    series: [{alert: Ours, labels: {host: a}, values: 3}, {alert: Ours, labels: {host: b}, values: 1}]
    alerts: [{eval_time: 0s, alertname: Ours, expect: [{labels: {host: a}}]}]
  - name: an objective needs both windows
    series:
      - {metric: error_ratio, window: 1h, values: 0.02x10}
      - {metric: error_ratio, window: 5m, values: 0.02x5 0x5}
    alerts:
      - eval_time: 3m
        alertname: Budget
        expect: [{labels: {severity: page, slo_window: 1h}}]
      - {eval_time: 7m, alertname: Budget}
"""


def run(folder, tests, *options):
    """Write the files and run the verb."""
    (folder / "rules.yaml").write_text(RULES)
    path = folder / "tests.yaml"
    path.write_text(HEAD + tests)
    return CliRunner().invoke(rules, ["test", str(path), *options])


def test_what_holds_passes(tmp_path):
    """Filters, groups, hysteresis, `for`, minimum counts, absence, change, statements and objectives."""
    result = run(tmp_path, GOOD)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "14 of 14 expectations hold.\n", "")


def test_what_does_not_hold_is_shown_with_its_line(tmp_path):
    """Exit code 1, and what was expected beside what was found."""
    wrong = GOOD.replace('summary: "/a: 10.0 %"', "summary: nothing").replace(
        "{eval_time: 10m, alertname: TooManyErrors}",
        "{eval_time: 10m, alertname: TooManyErrors, expect: [{labels: {a: b}}]}",
    )
    result = run(tmp_path, wrong)
    assert result.exit_code == 1
    assert f"{tmp_path / 'tests.yaml'}:16: errors come and go: TooManyErrors at 4m\n" in result.stderr
    shown = '{alertname="TooManyErrors", route="/a", severity="page"}'
    assert f'  - expected  firing {shown} annotations {{summary="nothing"}} value 0.1 health ok\n' in result.stderr
    assert f'  + found     firing {shown} annotations {{summary="/a: 10.0 %"}} value 0.1 health ok\n' in result.stderr
    assert '  - expected  firing {a="b", alertname="TooManyErrors"}\n' in result.stderr
    assert result.stderr.endswith("12 of 14 expectations hold.\n")
    answer = json.loads(run(tmp_path, wrong, "--json").stdout)
    assert (answer["ok"], answer["passed"], answer["failed"]) == (False, 12, 2)
    assert answer["failures"][1] == {
        "file": str(tmp_path / "tests.yaml"),
        "line": 24,
        "test": "errors come and go",
        "alertname": "TooManyErrors",
        "eval_time": 600.0,
        "expected": ['firing {a="b", alertname="TooManyErrors"}'],
        "found": [],
    }


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("values: 3}", "values: 3 4y}", "tests.yaml:39: tests[3].series[0].values: '4y' is no value"),
        (
            "alertname: Ours,",
            "alertname: Mine,",
            "tests.yaml:38: tests[3]: test 'a statement': no rule is called 'Mine'",
        ),
        ("route: /few", "route: /a", "tests.yaml:4: tests[0]: test 'errors come and go': two series of error_ratio"),
        ("alert: Ours, labels: {host: b}", "labels: {host: b}", "tests[3].series[1]: give `metric:`"),
        ("rule_files: [rules.yaml]", "rule_files: [none.yaml]", "none.yaml:1: can't be read"),
        ("eval_time: 0s", "eval_time: 9000000s", "more than 200,000 looks"),
    ],
)
def test_a_wrong_file_says_where(tmp_path, old, new, error):
    """Every error with file, line and field; nothing is run."""
    (tmp_path / "rules.yaml").write_text(RULES)
    path = tmp_path / "tests.yaml"
    text = (HEAD + GOOD).replace(old, new)
    assert text != HEAD + GOOD
    path.write_text(text)
    result = CliRunner().invoke(rules, ["test", str(path)])
    assert result.exit_code == 1
    assert error in result.stderr
    answer = json.loads(CliRunner().invoke(rules, ["test", str(path), "--json"]).stdout)
    assert answer["ok"] is False
    assert answer["errors"][0]["message"]


def numbers(text):
    """The values of a series."""
    return [given.value for given in parse_series(text)]


def test_series_are_read_as_promtool_reads_them():
    """Runs, steps, gaps; and what windows can be besides."""
    assert numbers("1x4") == [1.0] * 5
    assert numbers("-2+4x3") == [-2, 2, 6, 10]
    assert numbers("1-2x4") == [1, -1, -3, -5, -7]
    assert numbers("1 _x3 2") == [1, None, None, None, 2]
    assert numbers("0x10 1+1x5 _ nan")[:12] == [0.0] * 11 + [1.0]
    assert math.isnan(numbers("nan")[0])
    assert numbers("5% 1e-3 .5") == pytest.approx([0.05, 0.001, 0.5])
    assert numbers([1, None, "2+1x1"]) == [1, None, 2, 3]
    assert parse_series("incomplete immaturex2") == (Given(word="incomplete"), *[Given(word="immature")] * 2)


@pytest.mark.parametrize("text", ["1+1", "x3", "1x", "1x9999999", {"a": 1}, [True], "1x99999 1x99999"])
def test_what_is_no_series_is_refused(text):
    """With what would be one."""
    with pytest.raises(ValueError, match="values"):
        parse_series(text)


def test_the_guide_s_test_holds(tmp_path):
    """What the guide shows of tests passes against the rules that it shows."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "alerting.md").read_text(encoding="utf-8")
    blocks = [dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", guide, re.MULTILINE)]
    (tests,) = (block for block in blocks if block.lstrip().startswith("rule_files:"))
    (tmp_path / "rules.yaml").write_text(next(block for block in blocks if block.lstrip().startswith("groups:")))
    (tmp_path / "tests.yaml").write_text(tests)
    result = CliRunner().invoke(rules, ["test", str(tmp_path / "tests.yaml")])
    assert (result.exit_code, result.output) == (0, "3 of 3 expectations hold.\n")
