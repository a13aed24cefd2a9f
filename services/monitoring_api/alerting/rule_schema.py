"""The JSON Schema of rule files: what an editor needs to complete and check them while they are written."""

import json
from typing import Any, Final

from services.monitoring_api.alerting.rules import RuleFile
from services.monitoring_api.configuration.duration import format_duration

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# Bounds of durations are in seconds, and say nothing of the texts that a file holds.
_SECONDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "gt", "ge", "lt", "le"})


def rule_schema() -> dict[str, Any]:
    """The schema of a rule file.

    What it refuses the worker refuses too. `rules check` finds more: unknown metrics and keys of metrics, templates,
    and what depends on two keys.
    """
    schema: dict[str, Any] = _told_in_text(RuleFile.model_json_schema(by_alias=True))
    about = {
        "title": "Sightglass alert rules",
        "description": "Alert rules of Sightglass: see docs/guides/alerting.md.",
    }
    return {"$schema": _DIALECT, **schema, **about}


def schema_text() -> str:
    """The schema as the file that is published."""
    return json.dumps(rule_schema(), indent=2, ensure_ascii=False) + "\n"


def _told_in_text(node: Any) -> Any:
    """The schema with durations as people write them."""
    if isinstance(node, list):
        return [_told_in_text(item) for item in node]
    if not isinstance(node, dict):
        return node
    if {"const": 0} in node.get("anyOf", ()):
        node = {key: value for key, value in node.items() if key not in _SECONDS}
        if isinstance(node.get("default"), float):
            node["default"] = format_duration(node["default"])
    return {key: _told_in_text(value) for key, value in node.items()}
