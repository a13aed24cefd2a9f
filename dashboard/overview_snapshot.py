"""Everything the overview shows, asked for at once: as few questions for many services and models as for one."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from dashboard.answers import Alerts, Current, PipelineHealth
from dashboard.api_client import ApiClient, Question, alerts, current, pipeline_health
from dashboard.api_errors import ApiDeniedError, ApiError, ApiUnreachableError
from dashboard.history_answers import ComparedHistory
from dashboard.history_questions import compared_history
from dashboard.overview_subjects import MODEL_METRICS, SERVICE_METRICS, Subject, subjects
from dashboard.pace import asked_every
from dashboard.states.history import HistoryState
from dashboard.states.overview import OverviewState
from dashboard.time_range import STEPS
from dashboard.verdict import Traffic, Verdict, verdict

T = TypeVar("T")
FIGURE_WINDOWS: Final[Mapping[str, str]] = {"label_coverage": "24h"}
"""Labels come hours after their predictions, so that five minutes of coverage say nothing."""
FIGURE_WINDOW: Final = "5m"
LAG: Final = "ingest_lag_p95"
_MOST_POINTS: Final = 128
"""The small lines are 132 pixels wide, with an edge on either side."""
# Steps between those that people choose, so that a range just too long for one is not drawn from a handful of points.
_BETWEEN: Final = {"2m": 120, "30m": 1_800, "2h": 7_200, "6h": 21_600}
_STEPS: Final = tuple(sorted({**STEPS, **_BETWEEN}.items(), key=lambda step: step[1]))


@dataclass(frozen=True)
class Snapshot:
    """One look at everything.

    Attributes:
        taken_at: when it was asked for.
        figures: metric -> its current value for each service or model, or why there is none.
        lines: metric -> its history for each of them, or why there is none.
        health: of the pipeline, or why it is unknown.
        alerts: all, or why they are unknown.
        lines_at: when the lines were asked for.
    """

    taken_at: datetime
    figures: Mapping[str, Current | ApiError]
    lines: Mapping[str, ComparedHistory | ApiError]
    health: PipelineHealth | ApiError
    alerts: Alerts | ApiError
    lines_at: datetime
    _made: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What is made of this snapshot, made once for all who look at it.

        Args:
            name: of what is made, with all else that it depends on.
            make: makes it; whoever is given it leaves it as it is.
        """
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    @property
    def failure(self) -> ApiError | None:
        """Why nothing at all could be learned about traffic, or why nothing may be shown any more; else None."""
        everything = [*self.figures.values(), *self.lines.values(), self.health, self.alerts]
        denied = next((part for part in everything if isinstance(part, ApiDeniedError)), None)
        parts: list[Current | ComparedHistory | ApiError] = [self.figures["request_rate"]]
        if self.lines_at == self.taken_at:  # lines of an earlier look say nothing of this one
            parts += [self.lines["request_rate"], self.lines["prediction_rate"]]
        errors = [part for part in parts if isinstance(part, ApiError)]
        unreachable = next((error for error in errors if isinstance(error, ApiUnreachableError)), None)
        return denied or unreachable or (errors[0] if len(errors) == len(parts) else None)

    @property
    def ever(self) -> bool:
        """Whether the range holds any request or prediction."""
        lines = [self.lines["request_rate"], self.lines["prediction_rate"]]
        return any(
            bool(value)
            for line in lines
            if isinstance(line, ComparedHistory)
            for series in line.series
            for _, value in series.points
        )

    def subjects(self, service: str = "") -> tuple[Subject, ...]:
        """The services and models, those that predict first; of one service only, with its models, if one is named."""
        return subjects(self.figures, self.lines, service)

    def verdict(self, service: str = "") -> Verdict:
        """The whole in words.

        Args:
            service: whose traffic it speaks of; empty: of the one that predicts, where that is one, else of all.
        """
        predicting = [one.name for one in self.subjects() if one.kind == "service" and one.predicts]
        about = service or (predicting[0] if len(predicting) == 1 else "")
        traffic = Traffic(
            requests=self._known("request_rate", about),
            errors=self._known("error_ratio", about),
            latency=self._known("latency_p95", about),
            predictions=self._known("prediction_rate", about),
        )
        return verdict(traffic, self.health, self.alerts, ever=self.ever)

    def _known(self, metric: str, service: str) -> Current | None:
        figures = self.figures[metric]
        if not isinstance(figures, Current):
            return None
        if not service:
            return figures
        mine = [group for group in figures.series if group.labels.get("service") == service]
        if metric in {"request_rate", "prediction_rate"}:  # rates of groups add up
            return figures.model_copy(update={"value": sum(group.value or 0.0 for group in mine)})
        return figures.model_copy(update={"value": mine[0].value if mine else None})


def take_snapshot(
    client: ApiClient, state: OverviewState, now: datetime, before: Snapshot | None = None, *, usual: float = 0.0
) -> Snapshot:
    """Ask everything in parallel; of a long range not its lines, when they were asked for just now.

    Args:
        client: of the monitoring API.
        state: range and zone; the service does not matter, so that all who look share one answer.
        now: the time of the look.
        before: the last look at the same.
        usual: seconds from one look to the next.
    """
    figures: list[Question[Current]] = [
        current(metric, window=FIGURE_WINDOWS.get(metric, FIGURE_WINDOW), group_by=_grouping(metric))
        for metric in (*SERVICE_METRICS, *MODEL_METRICS)
    ]
    step = _fitting_step(*state.period.bounds(now))
    kept = before if before is not None and _lines_last(before, state, step, now, usual) else None
    drawn = [] if kept else [*SERVICE_METRICS, *MODEL_METRICS, LAG]
    lines = [
        compared_history(
            [metric],
            HistoryState(period=state.period, zone=state.zone, step=step, group_by=_grouping(metric, lines=True)),
        )
        for metric in drawn
    ]
    questions: Sequence[Question[Any]] = [*figures, *lines, pipeline_health(), alerts()]
    answers = client.ask_all(questions)
    return Snapshot(
        taken_at=now,
        figures=dict(zip((*SERVICE_METRICS, *MODEL_METRICS), answers[: len(figures)], strict=True)),
        lines=kept.lines if kept else dict(zip(drawn, answers[len(figures) : -2], strict=True)),
        health=answers[-2],
        alerts=answers[-1],
        lines_at=kept.lines_at if kept else now,
    )


def _lines_last(before: Snapshot, state: OverviewState, step: str, now: datetime, usual: float) -> bool:
    """Whether its lines will be fresh enough until the next look; a failure, and nothing at all, are not kept."""
    if not before.ever or any(isinstance(one, ApiError) for one in before.lines.values()):
        return False
    every = asked_every(state.period, step, now, usual=usual)
    return every is None or (now - before.lines_at).total_seconds() + usual <= every


def _grouping(metric: str, *, lines: bool = False) -> tuple[str, ...]:
    if metric == LAG:
        return ()
    if metric in SERVICE_METRICS:
        return ("service",)
    # Who predicts is learned from the rate.
    return ("model", "service") if metric == "prediction_rate" and not lines else ("model",)


def _fitting_step(start: datetime, end: datetime) -> str:
    """The finest step that draws no more points than a small picture can show."""
    seconds = (end - start).total_seconds()
    return next((name for name, width in _STEPS if seconds / width <= _MOST_POINTS), "1d")
