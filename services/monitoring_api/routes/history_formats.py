"""An answer about a metric's history as JSON, CSV and an Arrow stream."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nanoarrow as na
from nanoarrow import ipc

from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.history import METRIC, History, Series
from services.monitoring_api.queries.metric import Metric
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, rfc3339

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked and what came of it.

    Args:
        metrics: The metric, or several.
        group_by: Names of the dimensions it is told apart by.
        buckets: The range and its step.
        found: The answer.
        compared: The range that it is compared with, and its answer; None where nothing is.
        mature_until_ns: Of figures that rest on labels, up to when nearly all of these have come; None where that is
            not known, or nothing rests on labels.
    """

    metrics: tuple[Metric, ...]
    group_by: tuple[str, ...]
    buckets: Buckets
    found: History
    compared: tuple[TimeRange, History] | None = None
    mature_until_ns: int | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return ",".join(metric.name for metric in self.metrics)

    @property
    def unit(self) -> str:
        """The values' unit."""
        return self.metrics[0].unit

    @property
    def value_column(self) -> str:
        """What a table calls the values."""
        return self.name if len(self.metrics) == 1 else "value"

    @property
    def labels(self) -> tuple[str, ...]:
        """What tells series apart."""
        return self.group_by if len(self.metrics) == 1 else (METRIC, *self.group_by)

    @property
    def complete(self) -> bool:
        """Whether everything of the range has arrived, as far as is measured."""
        until = self.found.complete_until_ns
        return until is not None and until >= self.buckets.span.end_ns

    @property
    def complete_until(self) -> str | None:
        """Up to where it has arrived (RFC 3339); None when nothing is known of that."""
        until = self.found.complete_until_ns
        return None if until is None else rfc3339(until)

    @property
    def maturity(self) -> dict[str, str | None]:
        """Up to when labels have come (RFC 3339), where figures rest on them."""
        if not any(metric.needs_labels for metric in self.metrics):
            return {}
        return {"mature_until": None if self.mature_until_ns is None else rfc3339(self.mature_until_ns)}

    def rows(self) -> Iterator[tuple[int, str, Series, float | None]]:
        """Each point: start of its bucket (epoch seconds), ``asked`` or ``compare``, its series, its value."""
        ranges = [("asked", self.found), *([("compare", self.compared[1])] if self.compared else [])]
        for name, history in ranges:
            for series in history.series:
                for at, value in series.points:
                    yield at, name, series, value


def as_document(answer: Answer) -> dict[str, Any]:
    """The answer as an object for JSON."""
    span, found = answer.buckets.span, answer.found
    error_bound = max([found.error_bound, *([answer.compared[1].error_bound] if answer.compared else [])])
    return {
        "metric": answer.name,
        "unit": answer.unit,
        "from": rfc3339(span.start_ns),
        "to": rfc3339(span.end_ns),
        "step_seconds": answer.buckets.step.seconds,
        "source": found.source,
        "complete": answer.complete,
        "complete_until": answer.complete_until,
        **answer.maturity,
        "approximate": error_bound > 0,
        "error_bound": error_bound,
        "groups": found.groups,
        "series": [_series(each) for each in found.series],
        "compare": None
        if answer.compared is None
        else {
            "from": rfc3339(answer.compared[0].start_ns),
            "to": rfc3339(answer.compared[0].end_ns),
            "series": [_series(each) for each in answer.compared[1].series],
        },
    }


def as_csv(answer: Answer) -> bytes:
    """A row for each point, under a header; nothing is null, and ``other`` tells the rest from a group so named."""
    out = io.StringIO()
    writer = csv.writer(out)
    grouped = bool(answer.group_by)
    writer.writerow(["time", "range", *answer.labels, *(["other"] if grouped else []), answer.value_column])
    for at, which, series, value in answer.rows():
        labels = [series.labels[name] for name in answer.labels]
        other = [str(series.other).lower()] if grouped else []
        writer.writerow([rfc3339(at * NANOSECONDS), which, *labels, *other, "" if value is None else repr(value)])
    return out.getvalue().encode()


def as_arrow(answer: Answer) -> bytes:
    """An Arrow IPC stream of the same rows: time in UTC, text, doubles; the rest of the answer is its metadata."""
    rows = list(answer.rows())
    times = na.c_buffer([at * _MICROSECONDS for at, *_ in rows], na.int64())
    labels = [na.c_array([series.labels[name] for _, _, series, _ in rows], na.string()) for name in answer.labels]
    other = [na.c_array([series.other for _, _, series, _ in rows], na.bool_())] if answer.group_by else []
    columns = [
        na.c_array_from_buffers(na.timestamp("us", timezone="UTC"), len(rows), [None, times]),
        na.c_array([which for _, which, _, _ in rows], na.string()),
        *labels,
        *other,
        na.c_array([value for *_, value in rows], na.float64()),
    ]
    fields = {
        "time": na.timestamp("us", timezone="UTC"),
        "range": na.string(),
        **{name: na.string() for name in answer.labels},
        **({"other": na.bool_()} if answer.group_by else {}),
        answer.value_column: na.float64(),
    }
    document = as_document(answer)
    known = {name: str(document[name]) for name in _METADATA}
    schema = na.c_schema(na.struct(fields)).modify(metadata=known)
    out = io.BytesIO()
    with ipc.StreamWriter.from_writable(out) as writer:
        writer.write_array(na.c_array_from_buffers(schema, len(rows), [None], children=columns))
    return out.getvalue()


_METADATA = ("metric", "unit", "from", "to", "step_seconds", "source", "complete", "complete_until", "error_bound")


def _series(series: Series) -> dict[str, Any]:
    marked = {"other": True} if series.other else {}
    return {"labels": dict(series.labels), **marked, "points": series.points}
