"""Rule files: what is taken, and that every error is reported with its line and field."""

import json
import re
from pathlib import Path
from textwrap import dedent, indent

import pytest

from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.condition import Condition
from services.monitoring_api.alerting.models import NoDataPolicy
from services.monitoring_api.alerting.rule_set import load_rules
from services.monitoring_api.configuration.located_yaml import InvalidFileError

DOCUMENTED = """
groups:
  - name: flights
    interval: 15s
    rules:
      - alert: TooManyErrors
        metric: error_ratio
        window: 5m
        filter: {service: ml-api}
        group_by: [model_version]
        condition: "> 0.05"
        for: 1m
        keep_firing_for: 2m
        minimum_count: 20
        no_data: ok                    # alert | ok | keep
        labels: {severity: page}
        annotations: {summary: "error ratio {{ value | percent }}"}
"""

WRONG = """groups:
  - name: one
    interval: 15
    rules:
      - alert: A
        metric: error_ratoi
        condition: "more than 5"
      - metric: error_ratio
        condition: "> 1"
        window: 5 minutes
        fro: 1m
      - alert: B
        slo: {objective: 99.9}
        condition: "> 1"
        annotations:
          summary: "{{ valeu }}"
          other: "{{ value | percentage }}"
          third: "{% if %}"
      - alert: C
        metric: error_ratio
        condition: "> 1"
        filter: {colour: red}
        group_by: [shape]
        minimum_count: -1
        no_data: maybe
        labels: {alertname: x, "a b": c}
      - alert: D
        metric: error_ratio
        condition: "> 1"
      - alert: D
        metric: error_ratio
        condition: "> 1"
  - name: one
    rules: []
"""


def write(folder: Path, text: str, name: str = "rules.yaml") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def errors_of(*paths: Path) -> list[tuple[int, str]]:
    """Line and field of every error."""
    with pytest.raises(InvalidFileError) as caught:
        load_rules(paths, metric_catalogue())
    return [(error.line, error.field) for error in caught.value.errors]


def test_the_documented_example_is_read(tmp_path):
    """The example of the documentation means what it says."""
    (rule,) = load_rules([write(tmp_path, DOCUMENTED)], metric_catalogue()).rules()
    assert rule.condition == Condition(">", 0.05)
    assert (rule.window, rule.for_seconds, rule.keep_firing_for) == (300, 60, 120)
    assert (rule.minimum_count, rule.no_data) == (20, NoDataPolicy.OK)
    assert rule.alert_labels({"model_version": "3"}) == {
        "alertname": "TooManyErrors",
        "severity": "page",
        "model_version": "3",
    }


def test_the_shipped_files_are_right():
    """What a fresh installation uses can be used."""
    folder = Path(__file__).parents[2] / "deploy" / "alerting"
    assert len(list(load_rules([folder / "rules.yaml"], metric_catalogue()).rules())) >= 5


def test_every_error_is_reported_with_line_and_field(tmp_path):
    """One reading names all that is wrong, in the order of the lines."""
    assert errors_of(write(tmp_path, WRONG)) == [
        (3, "groups[0].interval"),
        (6, "groups[0].rules[0].metric"),
        (7, "groups[0].rules[0].condition"),
        (8, "groups[0].rules[1].alert"),
        (10, "groups[0].rules[1].window"),
        (11, "groups[0].rules[1].fro"),
        (13, "groups[0].rules[2].slo.indicator"),
        (13, "groups[0].rules[2].slo.objective"),
        (14, "groups[0].rules[2].condition"),
        (16, "groups[0].rules[2].annotations.summary"),
        (17, "groups[0].rules[2].annotations.other"),
        (18, "groups[0].rules[2].annotations.third"),
        (22, "groups[0].rules[3].filter"),
        (23, "groups[0].rules[3].group_by"),
        (24, "groups[0].rules[3].minimum_count"),
        (25, "groups[0].rules[3].no_data"),
        (26, "groups[0].rules[3].labels"),
        (26, "groups[0].rules[3].labels.a b"),
        (30, "groups[0].rules[5].alert"),
        (33, "groups[1].name"),
    ]


def test_errors_name_the_file_as_it_was_given(tmp_path):
    """The text can be clicked in an editor: file:line."""
    path = write(tmp_path, "groups:\n  - nmae: x\n    rules: []\n")
    with pytest.raises(InvalidFileError) as caught:
        load_rules([path], metric_catalogue())
    assert f"{path}:2: groups[0].nmae: unknown key" in str(caught.value)
    assert f"{path}:2: groups[0].name: missing" in str(caught.value)


def test_two_files_are_checked_together(tmp_path):
    """The same rule in two files is an error in the second."""
    one, two = write(tmp_path, DOCUMENTED, "a.yaml"), write(tmp_path, DOCUMENTED, "b.yaml")
    assert errors_of(one, two) == [(3, "groups[0].name"), (6, "groups[0].rules[0].alert")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "groups: 5",
        "groups: [5]",
        "groups: [{name: a, rules: [7]}]",
        "a: [",
        "a: b: c",
        "\t",
        "{a: 1, a: 2}",
        "groups: &a [*a]",
        "? [x]\n: y",
        "!!python/object/apply:os.system ['true']",
        "[" * 5000,
        "\x00",
        "groups: [{name: a, rules: [{alert: x, metric: error_ratio, condition: '> 1', window: [1]}]}]",
        "groups: [{name: a, rules: [{alert: x, metric: error_ratio, condition: '> 1', window: 1.5}]}]",
    ],
)
def test_any_text_gives_errors_not_a_crash(tmp_path, text):
    """Whatever a file holds, there is an error with a line."""
    assert errors_of(write(tmp_path, text))


def test_a_missing_file_is_an_error(tmp_path):
    """The file is named."""
    assert errors_of(tmp_path / "none.yaml") == [(1, "")]


def test_the_same_name_with_other_labels_is_another_rule(tmp_path):
    """A warning and a page may share a name."""
    second = """
      - {alert: TooManyErrors, metric: error_ratio, condition: "> 1%", labels: {severity: warning}}
"""
    rules = list(load_rules([write(tmp_path, DOCUMENTED.rstrip() + second)], metric_catalogue()).rules())
    assert len({rule.key for rule in rules}) == 2


STATEMENT = "SELECT 1 AS value FROM t WHERE a >= {from:DateTime64(9)} AND a < {to:DateTime64(9)}"


@pytest.mark.parametrize(
    ("keys", "field", "said"),
    [
        ("", "", "needs `metric:`, `sql:` or `slo:`"),
        ("metric: accuracy", "", "needs `condition:` or `absent: true`"),
        ('metric: accuracy\nsql: "{sql}"\ncondition: "> 1"', "", "not metric and sql"),
        ('metric: accuracy\nabsent: true\ncondition: "> 1"', "condition", "`absent: true` is a condition by itself"),
        ("metric: accuracy\nabsent: true\nno_data: ok", "no_data", "leave this out"),
        ("metric: accuracy\nabsent: true\nchange: {to: week}", "change", "leave this out"),
        ('metric: accuracy\ncondition: "> 1"\nchange: {to: month}', "change.to", "'previous' or 'week'"),
        ('metric: accuracy\ncondition: "> 1"\nchange: {as: ratio}', "change.to", "missing"),
        (
            'metric: accuracy\ncondition: "> 1"\nwindow: 5m\nconfirm_window: 5m',
            "confirm_window",
            "shorter than `window`",
        ),
        ('metric: accuracy\ncondition: "> 1"\nchange: {to: week}\nconfirm_window: 1m', "confirm_window", "one window"),
        ('metric: accuracy\ncondition: "> 1"\nresolve_condition: "> 2"', "resolve_condition", 'can\'t end "> 1"'),
        ('metric: accuracy\ncondition: "> 1"\nresolve_condition: "< 1.1"', "resolve_condition", "not overlap"),
        ('metric: accuracy\ncondition: ">= 1"\nresolve_condition: "<= 1"', "resolve_condition", "not overlap"),
        ('metric: accuracy\ncondition: "== 1"\nresolve_condition: "< 1"', "resolve_condition", "can't end"),
        ("metric: slow_ratio_0ms\nabsent: true", "metric", "slow_ratio_300ms and the like"),
        ("metric: slow_ratio_5ms\nabsent: true\nfilter: {colour: red}", "filter", "has no filter 'colour'"),
        ('sql: "{sql}"\ncondition: "> 1"\ngroup_by: [model]', "group_by", "the statement itself says"),
        ('sql: "{sql}"\ncondition: "> 1"\nfilter: {model: a}', "filter", "the statement itself says"),
        (
            'sql: "SELECT 1 AS value"\ncondition: "> 1"',
            "sql",
            "does not use {from:DateTime64(9)} and {to:DateTime64(9)}",
        ),
        ('sql: "DROP TABLE t"\ncondition: "> 1"', "sql", "not a SELECT"),
        ('sql: "{sql}; SELECT 1"\ncondition: "> 1"', "sql", "more than one statement"),
        ('sql: "{sql})"\ncondition: "> 1"', "sql", "a parenthesis is closed"),
        ('sql: "({sql}"\ncondition: "> 1"', "sql", "not a SELECT"),
        ('sql: "{sql} AND (b"\ncondition: "> 1"', "sql", "a parenthesis is never closed"),
        ('sql: "{sql} AND b = {x:String}"\ncondition: "> 1"', "sql", "{x:String} is bound by nobody"),
        ('sql: "SELECT {from:DateTime}, {to:DateTime64(9)}"\ncondition: "> 1"', "sql", "must be {from:DateTime64(9)}"),
        ("slo: {objective: 99.9, indicator: availability}", "slo.objective", 'write a percentage like "99.9%"'),
        ("slo: {objective: 100%, indicator: availability}", "slo.objective", "write a percentage"),
        ("slo: {objective: 49%, indicator: availability}", "slo.objective", "greater than or equal to 0.5"),
        ("slo: {objective: 99%, indicator: speed}", "slo.indicator", "'availability' or 'latency'"),
        ("slo: {objective: 99%, indicator: latency}", "slo", "needs a `threshold:`"),
        ("slo: {objective: 99%, indicator: availability, threshold: 1s}", "slo", "no other has one"),
        ("slo: {objective: 99%, indicator: availability, period: 7d}", "slo.period", "greater than or equal to"),
        ('slo: {objective: 99%, indicator: availability}\ncondition: "> 1"', "condition", "brings its own windows"),
        ("slo: {objective: 99%, indicator: availability}\nwindow: 1h", "window", "brings its own windows"),
        (
            "slo: {objective: 99%, indicator: availability}\nfilter: {colour: red}",
            "filter",
            "error_ratio has no filter",
        ),
        ("slo: {objective: 99%, indicator: availability}\nlabels: {severity: page}", "labels", "set by the objective"),
        ("slo: {objective: 99%, indicator: availability}\nlabels: {alertname: x}", "labels", "set by the rule's name"),
        ('metric: accuracy\ncondition: "> 1"\nrunbook: javascript:alert(1)', "runbook", "match pattern"),
        ('metric: accuracy\ncondition: "> 1"\nerror_for: 5', "error_for", "not a duration"),
        (
            'metric: accuracy\ncondition: "> 1"\nannotations: {summary: "{{ burn_rat }}"}',
            "annotations.summary",
            "burn_rat",
        ),
    ],
)
def test_what_does_not_go_together_is_named(tmp_path, keys, field, said):
    """The error stands at the key that is wrong, or at the rule where one is missing, and says what to do."""
    lines = ["alert: A", *keys.replace("{sql}", STATEMENT).splitlines()]
    text = "groups:\n- name: g\n  rules:\n  - " + "\n    ".join(lines) + "\n"
    with pytest.raises(InvalidFileError) as caught:
        load_rules([write(tmp_path, text)], metric_catalogue())
    (error,) = caught.value.errors
    assert error.field == ".".join(filter(None, ("groups[0].rules[0]", field)))
    assert said in error.message
    key = field.split(".")[0]
    assert error.line == 4 + next((n for n, line in enumerate(lines) if key and line.startswith(key)), 0)


BAD_SLO = "slo: {objective: 99.9, indicator: %s}\n"


@pytest.mark.parametrize(
    ("keys", "fields"),
    [
        # What is missing, or one too many, beside a key that is wrong by itself.
        ("metric: accuracy\nfor: 5", {"", "for"}),
        ("for: 5\nminimum_count: -1", {"", "for", "minimum_count"}),
        ('metric: accuracy\nsql: "DROP TABLE t"\ncondition: "> 1"', {"", "sql"}),
        (
            'metric: nothing\ncondition: "> 1"\ngroup_by: [severity]\nlabels: {severity: x, "a b": c}',
            {"", "metric", "labels.a b"},
        ),
        # What must be left out, beside a key that is wrong and says so.
        (BAD_SLO % "availability" + 'condition: "> 1"\nwindow: 5', {"slo.objective", "condition", "window"}),
        (BAD_SLO % "latency", {"slo.objective", "slo"}),
        ('sql: "DROP TABLE t"\ncondition: "> 1"\ngroup_by: [a]\nfilter: {b: c}', {"sql", "group_by", "filter"}),
        ("metric: accuracy\nabsent: true\nno_data: maybe\ncondition: more", {"no_data", "condition"}),
        ("metric: accuracy\nabsent: true\nchange: {to: month}", {"change", "change.to"}),
        (
            'metric: accuracy\ncondition: "> 1"\nchange: {to: month}\nconfirm_window: 1m',
            {"change.to", "confirm_window"},
        ),
        # Keys that the metric has not, beside an objective, a name or a value that is wrong.
        (
            BAD_SLO % "availability" + "group_by: [shape]\nfilter: {colour: red}",
            {"slo.objective", "group_by", "filter"},
        ),
        (BAD_SLO % "speed" + "group_by: [shape]", {"slo.objective", "slo.indicator", "group_by"}),
        (BAD_SLO % "speed" + "group_by: [service]", {"slo.objective", "slo.indicator"}),
        ("slo: 5\ngroup_by: [shape]", {"slo", "group_by"}),
        (BAD_SLO % "availability" + 'labels: {severity: page, "a b": c}', {"slo.objective", "labels", "labels.a b"}),
        ('metric: accuracy\ncondition: "> 1"\nfilter: {colour: red, "a b": c}', {"filter", "filter.a b"}),
        ('metric: accuracy\ncondition: "> 1"\ngroup_by: [shape, "a b"]', {"group_by", "group_by[1]"}),
        ('metric: accuracy\ncondition: "> 1"\nlabels: {alertname: x, "a b": c}', {"labels", "labels.a b"}),
    ],
)
def test_no_error_hides_another(tmp_path, keys, fields):
    """Whatever is wrong with one key, all that is wrong with the others and with the whole is said in the same go."""
    text = "groups:\n- name: g\n  rules:\n  - " + "\n    ".join(["alert: A", *keys.splitlines()]) + "\n"
    found = {
        field.removeprefix("groups[0].rules[0]").removeprefix(".") for _, field in errors_of(write(tmp_path, text))
    }
    assert found == fields


def test_every_unknown_key_of_a_metric_is_named(tmp_path):
    """Not only the first."""
    text = (
        "groups: [{name: g, rules: [{alert: A, metric: accuracy, condition: '> 1',"
        " filter: {colour: red, taste: sour}, group_by: [shape, weight]}]}]"
    )
    with pytest.raises(InvalidFileError) as caught:
        load_rules([write(tmp_path, text)], metric_catalogue())
    assert "has no filter 'colour' or 'taste'; it has: " in str(caught.value)
    assert "can't be grouped by 'shape' or 'weight', only by: " in str(caught.value)


def test_an_objective_becomes_four_rules(tmp_path):
    """What is in force is what is looked at, each with a key of its own."""
    text = (
        "groups: [{name: g, rules: [{alert: A, slo: {objective: 99.9%, indicator: latency, threshold: 300ms},"
        " filter: {service: ml-api}, group_by: [route]}]}]"
    )
    rules = load_rules([write(tmp_path, text)], metric_catalogue())
    assert [rule.metric for rule in rules.rules()] == ["slow_ratio_300ms"] * 4
    assert len(rules.keys()) == 4
    assert load_rules([write(tmp_path, text, "again.yaml")], metric_catalogue()).groups == rules.groups


def test_a_name_that_an_objective_takes_is_taken(tmp_path):
    """A rule that would be one of an objective's own would share its state."""
    text = (
        "groups:\n- name: g\n  rules:\n  - {alert: A, slo: {objective: 99.9%, indicator: availability}}\n"
        '  - {alert: A, metric: accuracy, condition: "> 1", labels: {severity: page, slo_window: 1h}}\n'
    )
    assert errors_of(write(tmp_path, text)) == [(5, "groups[0].rules[1].alert")]
    wrong = text + "  - {alert: B}\n"
    assert errors_of(write(tmp_path, wrong)) == [(5, "groups[0].rules[1].alert"), (6, "groups[0].rules[2]")]


@pytest.mark.parametrize(
    "sql",
    [
        STATEMENT + " ;  -- the end",
        "-- first\n/* second */ with x as (select 1) " + STATEMENT,
        STATEMENT + " AND b = '; ) {x:String} --' AND `(` = \"(\"",
        STATEMENT.replace("{from:DateTime64(9)}", "{ from : DateTime64( 9 ) }"),
    ],
)
def test_statements_that_can_be_asked(tmp_path, sql):
    """Comments, texts and quoted names hold what they like; the last semicolon goes."""
    text = json.dumps({"groups": [{"name": "g", "rules": [{"alert": "A", "sql": sql, "condition": "> 1"}]}]})
    (rule,) = load_rules([write(tmp_path, text)], metric_catalogue()).rules()
    assert rule.sql == sql.partition(" ;  --")[0]


def test_the_guide_s_examples_are_right(tmp_path):
    """Every rule that the guide shows is one that the worker takes."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "alerting.md").read_text(encoding="utf-8")
    shown = [dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", guide, re.MULTILINE)]
    rules = [text for text in shown if "alert:" in text]
    assert len(rules) == 5
    for text in rules:
        whole = text if text.lstrip().startswith("groups:") else f"groups:\n- name: g\n  rules:\n{indent(text, '  ')}"
        assert list(load_rules([write(tmp_path, whole)], metric_catalogue()).rules())
