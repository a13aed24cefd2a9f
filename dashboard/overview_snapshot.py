"""Everything the overview shows, asked for at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dashboard.answers import Alerts, Catalogue, Current, History, PipelineHealth
from dashboard.api_client import ApiClient, Question, alerts, current, history, pipeline_health
from dashboard.api_errors import ApiDeniedError, ApiError, ApiUnreachableError
from dashboard.states.overview import OverviewState
from dashboard.time_range import fitting_step
from dashboard.verdict import Traffic, Verdict, verdict

FIGURES: Final = ("request_rate", "error_ratio", "latency_p95", "prediction_rate", "score_mean", "label_coverage")
LINES: Final = (
    "request_rate",
    "error_ratio",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "prediction_rate",
    "score_mean",
    "score_p50",
    "score_p95",
    "label_coverage",
    "ingest_lag_p95",
)
FIGURE_WINDOWS: Final[Mapping[str, str]] = {"label_coverage": "24h"}
"""Labels come hours after their predictions, so that five minutes of coverage say nothing."""
FIGURE_WINDOW: Final = "5m"


@dataclass(frozen=True)
class Snapshot:
    """One look at everything.

    Attributes:
        taken_at: when it was asked for.
        figures: metric -> its current value, or why there is none.
        lines: metric -> its history, or why there is none.
        health: of the pipeline, or why it is unknown.
        alerts: all, or why they are unknown.
    """

    taken_at: datetime
    figures: Mapping[str, Current | ApiError]
    lines: Mapping[str, History | ApiError]
    health: PipelineHealth | ApiError
    alerts: Alerts | ApiError

    @property
    def failure(self) -> ApiError | None:
        """Why nothing at all could be learned about traffic, or why nothing may be shown any more; else None."""
        everything = [*self.figures.values(), *self.lines.values(), self.health, self.alerts]
        denied = next((part for part in everything if isinstance(part, ApiDeniedError)), None)
        parts = [self.figures["request_rate"], self.lines["request_rate"], self.lines["prediction_rate"]]
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
            if isinstance(line, History)
            for series in line.series
            for _, value in series.points
        )

    def verdict(self) -> Verdict:
        """The whole in words."""
        traffic = Traffic(
            requests=self._known("request_rate"),
            errors=self._known("error_ratio"),
            latency=self._known("latency_p95"),
            predictions=self._known("prediction_rate"),
        )
        return verdict(traffic, self.health, self.alerts, ever=self.ever)

    def _known(self, metric: str) -> Current | None:
        figures = self.figures[metric]
        return figures if isinstance(figures, Current) else None


def take_snapshot(client: ApiClient, catalogue: Catalogue, state: OverviewState, now: datetime) -> Snapshot:
    """Ask everything in parallel.

    Args:
        client: of the monitoring API.
        catalogue: says which metrics know the key `service`.
        state: range, zone and service.
        now: the time of the look.
    """
    step = fitting_step(*state.period.bounds(now))
    figures: list[Question[Current]] = [
        current(metric, window=FIGURE_WINDOWS.get(metric, FIGURE_WINDOW), filters=_filters(catalogue, metric, state))
        for metric in FIGURES
    ]
    lines: list[Question[History]] = [
        history(
            metric,
            start=state.period.start,
            end=state.period.end,
            step=step,
            tz=state.zone,
            filters=_filters(catalogue, metric, state),
        )
        for metric in LINES
    ]
    questions: Sequence[Question[Any]] = [*figures, *lines, pipeline_health(), alerts()]
    answers = client.ask_all(questions)
    return Snapshot(
        taken_at=now,
        figures=dict(zip(FIGURES, answers[: len(FIGURES)], strict=True)),
        lines=dict(zip(LINES, answers[len(FIGURES) : -2], strict=True)),
        health=answers[-2],
        alerts=answers[-1],
    )


def services(client: ApiClient) -> tuple[list[str], list[str]]:
    """Names of the services seen in the last day, and of those among them that predict.

    Raises:
        ApiError: nothing could be learned.
    """
    answers = client.ask_all(
        [current(metric, window="24h", group_by=("service",)) for metric in ("request_rate", "prediction_rate")]
    )
    errors = [answer for answer in answers if isinstance(answer, ApiError)]
    if len(errors) == len(answers):
        raise errors[0]
    seen, predicting = (
        sorted({group.labels.get("service", "") for group in answer.series if group.value} - {""})
        if isinstance(answer, Current)
        else []
        for answer in answers
    )
    return sorted({*seen, *predicting}), predicting


def _filters(catalogue: Catalogue, metric: str, state: OverviewState) -> tuple[str, ...]:
    if state.service in {"", "*"}:
        return ()
    entry = catalogue.named(metric)
    return (f"service={state.service}",) if entry is None or "service" in entry.filters else ()
