"""What the history page asks of the monitoring API."""

import re
from collections.abc import Sequence
from typing import Final

from dashboard.alert_answers import Backtests
from dashboard.api_client import Action, Parameters, Question
from dashboard.history_answers import ComparedHistory, Markers, Statements
from dashboard.states.history import HistoryState

# Percentiles of one thing rest on the same rows, so that one statement reads them all.
_FAMILY: Final = re.compile(r"(latency|score)_p\d+")
_MOST_OF_FAMILY: Final = 5
_PATIENCE_SECONDS: Final = 130.0


def families(metrics: Sequence[str]) -> list[tuple[str, ...]]:
    """Metrics, those together that one question can ask for; in their order otherwise."""
    found: dict[str, list[str]] = {}
    for metric in metrics:
        match = _FAMILY.fullmatch(metric)
        found.setdefault(f"{match[1]}_p" if match else metric, []).append(metric)
    return [tuple(each[:_MOST_OF_FAMILY]) for each in found.values()]


def compared_history(metrics: Sequence[str], state: HistoryState) -> Question[ComparedHistory]:
    """A family of metrics over the state's range, and over the one it is compared with."""
    return Question("/api/v1/metrics/history", ComparedHistory, _parameters(metrics, state))


def history_sql(metrics: Sequence[str], state: HistoryState) -> Question[Statements]:
    """The statements behind that."""
    return Question("/api/v1/metrics/history/sql", Statements, _parameters(metrics, state))


def markers(state: HistoryState) -> Question[Markers]:
    """What happened in the state's range to the service and the model that it is about."""
    asked = [("from", state.period.start), ("to", state.period.end)]
    asked += [(key, value) for key in ("service", "model") if (value := state.filtered(key))]
    return Question("/api/v1/markers", Markers, tuple(asked))


def backtest_given(rule: str, *, start: str, end: str) -> Action[Backtests]:
    """What a rule that is in no file yet would have done."""
    body = {"rule": rule, "from": start, "to": end}
    return Action("POST", "/api/v1/rules/backtest", Backtests, body, timeout_seconds=_PATIENCE_SECONDS)


def _parameters(metrics: Sequence[str], state: HistoryState) -> Parameters:
    parameters = [
        ("metric", ",".join(metrics)),
        ("from", state.period.start),
        ("to", state.period.end),
        ("step", state.step),
        ("tz", state.zone),
        *(("filter", text) for text in state.filters),
    ]
    if state.group_by:
        parameters.append(("group_by", ",".join(state.group_by)))
    if state.compare != "none":
        parameters.append(("compare", state.compare))
    return tuple(parameters)
