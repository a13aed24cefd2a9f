"""Rule files: what is taken, and that every error is reported with its line and field."""

from pathlib import Path

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
        (16, "groups[0].rules[2].annotations.summary"),
        (17, "groups[0].rules[2].annotations.other"),
        (18, "groups[0].rules[2].annotations.third"),
        (22, "groups[0].rules[3].filter"),
        (23, "groups[0].rules[3].group_by"),
        (24, "groups[0].rules[3].minimum_count"),
        (25, "groups[0].rules[3].no_data"),
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
