"""The published JSON Schema against the code that reads rule files."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from services.monitoring_api.alerting.change import ChangeAgainst
from services.monitoring_api.alerting.rule_schema import rule_schema, schema_text
from services.monitoring_api.alerting.rules import Rule, RuleFile, RuleGroup
from services.monitoring_api.alerting.slo import Slo
from tests.alerting.test_rules import DOCUMENTED, STATEMENT

FOLDER = Path(__file__).parents[2] / "deploy" / "alerting"
PUBLISHED = FOLDER / "rules.schema.json"
VALIDATOR = Draft202012Validator(rule_schema())


def test_the_published_file_is_the_code_s():
    """`sightglass rules schema > deploy/alerting/rules.schema.json` makes it anew."""
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema():
    """By the rules of its own dialect."""
    Draft202012Validator.check_schema(rule_schema())


def test_the_shipped_rules_name_it_and_meet_it():
    """An editor finds it by the file's first line."""
    text = (FOLDER / "rules.yaml").read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={PUBLISHED.name}"
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize("model", [Rule, RuleGroup, Slo, ChangeAgainst])
def test_every_key_is_described(model):
    """All that can be written, under the name that it is written by, and nothing else."""
    described = rule_schema()["$defs"][model.__name__]
    assert set(described["properties"]) == {field.alias or name for name, field in model.model_fields.items()}
    assert all(each["description"] for each in described["properties"].values())
    assert described["additionalProperties"] is False


def file_of(**keys):
    """A file with one rule."""
    return {"groups": [{"name": "g", "interval": "15s", "rules": [{"alert": "A", **keys}]}]}


RIGHT = [
    yaml.safe_load(DOCUMENTED),
    file_of(metric="slow_ratio_250ms", absent=True, filter={"a": True, "b": 1, "c": ["x", 2]}),
    file_of(metric="accuracy", condition=">= -5%", change={"to": "week", "as": "relative"}, offset=0),
    file_of(sql=STATEMENT, condition="< .5", resolve_condition="> 1e3", error_for="1h30m"),
    file_of(slo={"objective": "99.95%", "indicator": "latency", "threshold": "300ms", "period": "28d"}),
    file_of(metric="accuracy", condition="> 1", runbook="https://example.org/x", confirm_window="1m"),
]
WRONG = [
    file_of(metric="accuracy", condition="more than 5"),
    file_of(metric="accuracy", condition="> 1", window=300),
    file_of(metric="accuracy", condition="> 1", fro="1m"),
    file_of(metric="accuracy", condition="> 1", no_data="maybe"),
    file_of(metric="accuracy", condition="> 1", minimum_count=-1),
    file_of(metric="accuracy", condition="> 1", group_by=list("abcde")),
    file_of(metric="accuracy", condition="> 1", change={"to": "month"}),
    file_of(metric="accuracy", condition="> 1", runbook="javascript:x"),
    file_of(metric="accuracy", absent="yes"),
    file_of(slo={"objective": "99.9", "indicator": "availability"}),
    {"groups": [{"rules": []}]},
    {},
]


@pytest.mark.parametrize("document", RIGHT)
def test_what_is_right_passes_both(document):
    """The editor draws no line under what the worker takes."""
    RuleFile.model_validate(document)
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(json.dumps(document)))] == []


@pytest.mark.parametrize("document", WRONG)
def test_what_the_schema_refuses_the_worker_refuses(document):
    """And the other way round, for what a schema can say."""
    assert list(VALIDATOR.iter_errors(document))
    with pytest.raises(ValidationError):
        RuleFile.model_validate(document)
