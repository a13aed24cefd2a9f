"""An alert rule as its file says it, made from what a chart shows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from dashboard.metric_filter import read_filter

_LIST: Final = re.compile(r"in\((?P<items>.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule that somebody thinks of.

    Attributes:
        name: what the alert will be called.
        metric: what it watches.
        above: whether it is bad above the threshold, or below.
        threshold: in the metric's unit.
        window: how far each look reaches back, such as `5m`.
        lasting: how long it must be bad before it fires, such as `2m`; at once when empty.
        filters: as the page has them.
        group_by: one alert for each combination.
    """

    name: str
    metric: str
    above: bool
    threshold: float
    window: str = "5m"
    lasting: str = ""
    filters: Sequence[str] = ()
    group_by: Sequence[str] = ()

    @property
    def left_out(self) -> list[str]:
        """The filters that a rule cannot have: it knows equality only."""
        return [text for text in self.filters if _parts(text) is None]

    def yaml(self) -> str:
        """The rule as it stands below `rules:` in a file."""
        filters: dict[str, Any] = dict(part for text in self.filters if (part := _parts(text)) is not None)
        rule: dict[str, Any] = {
            "alert": self.name,
            "metric": self.metric,
            **({"filter": filters} if filters else {}),
            **({"group_by": list(self.group_by)} if self.group_by else {}),
            "window": self.window,
            "condition": f"{'>' if self.above else '<'} {self.threshold:.6g}",
            **({"for": self.lasting} if self.lasting else {}),
            "labels": {"severity": "ticket"},
        }
        return yaml.safe_dump([rule], sort_keys=False, allow_unicode=True)


def _parts(text: str) -> tuple[str, str | list[str]] | None:
    read = read_filter(text)
    if read is None or read.operator != "=" or not read.value:
        return None
    listed = _LIST.fullmatch(read.value)
    if listed is None:
        return read.key, read.value
    items = re.split(r"(?<!\\),", listed["items"])
    return read.key, [item.replace("\\,", ",").strip() for item in items]
