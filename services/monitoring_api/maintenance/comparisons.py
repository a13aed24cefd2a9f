"""What each tier of the rollups of requests and predictions is held against: statements of `rollups verify`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.monitoring_api.maintenance.comparison import (
    END,
    MINUTE,
    START,
    Comparison,
    Figure,
    close,
    compare,
    equal,
    grouped_by,
    near,
    summed,
    within,
)
from services.monitoring_api.maintenance.finished import DURATIONS, SCORES
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.plan import MINUTE_SECONDS, QUARTER_SECONDS
from services.monitoring_api.queries.source import Source
from services.monitoring_api.queries.sources import ERRORS, PREDICTIONS, REQUESTS
from services.monitoring_api.queries.synthetic import REAL


def _sketched(column: str, percentiles: Mapping[str, float]) -> dict[str, str]:
    """SQL for the percentiles of a sketch, by name."""
    return {f"{column} {name[-3:]}": sketch.merged_quantile(level, column) for name, level in percentiles.items()}


def _tiers(
    source: Source,
    made_of: str,
    *,
    raw: str,
    where: str,
    ordered: str,
    dimensions: Mapping[str, str],
    figures: Sequence[Figure],
    merged: Sequence[Figure],
    counted: str,
    sketched: str,
    percentiles: Mapping[str, float],
) -> Iterator[Comparison]:
    rollup = source.rolled_up
    sketches = _sketched(sketched, percentiles)
    percentile_figures = [
        near(name, level, ordered, sketches[name]) for name, level in zip(sketches, percentiles.values(), strict=True)
    ]
    same = [close(name, sql, sql) for name, sql in sketches.items()]
    own_group = grouped_by(list(dimensions))

    def comparison(name: str, made_of: str, seconds: int, shown: Sequence[Figure], **parts: str) -> Comparison:
        sql = compare(shown, **parts)
        names = tuple(each.name for each in shown)
        return Comparison(name, source, made_of, sql, names, seconds, finished=name == source.finished.table)

    yield comparison(
        rollup.table,
        made_of,
        MINUTE_SECONDS,
        [*figures, *percentile_figures],
        bucket_below=MINUTE,
        of_below=grouped_by(list(dimensions.values())),
        below=raw,
        within_below=where,
        above=rollup.table,
        of=own_group,
        within=within("Minute"),
    )
    yield comparison(
        rollup.longer,
        rollup.table,
        QUARTER_SECONDS,
        [*merged, *same],
        bucket_below="toStartOfFifteenMinutes(Minute)",
        of_below=own_group,
        below=f"{rollup.table} FINAL",
        within_below=within("Minute"),
        above=rollup.longer,
        of=own_group,
        within=within("Minute"),
    )
    told_apart = sorted(frozenset().union(*source.finished.groupings))
    columns = [str(source.dimensions[name].rollup) for name in told_apart]
    groupings = []
    for each in source.finished.groupings:
        values = [f"toString({source.dimensions[name].rollup})" if name in each else "''" for name in told_apart]
        groupings.append(f"['{source.finished.name(each)}', {', '.join(values)}]")
    finished = [equal(counted, f"sum({counted})")]
    finished += [
        close(name, sketch.merged_quantile(level, sketched), f"any({name})") for name, level in percentiles.items()
    ]
    for table, seconds in ((rollup.table, MINUTE_SECONDS), (rollup.longer, QUARTER_SECONDS)):
        yield comparison(
            source.finished.table,
            table,
            seconds,
            finished,
            bucket_below="Minute",
            of_below=f"arrayJoin([{', '.join(groupings)}])",
            below=f"{table} FINAL",
            within_below=f"{within('Minute')} AND {counted} > 0",
            above=source.finished.table,
            of=f"arrayConcat([toString(GroupedBy)], {grouped_by(columns)})",
            within=f"{within('Minute')} AND Seconds = {seconds}",
        )


def _exactly(level: float, column: str) -> str:
    return f"quantileExact({level})({column})"


_PREDICTION_COLUMNS: Final = ("ServiceName", "ModelName", "ModelVersion", "Variant", "FeaturesSource")
_STATUS_CLASS: Final = str(REQUESTS.dimensions["status_class"].raw)

COMPARISONS: Final = (
    *_tiers(
        REQUESTS,
        "otel_traces",
        raw="otel_traces FINAL",
        where=f"SpanKind = 'Server' AND {within('Timestamp')}"
        f" AND Minute >= toStartOfMinute({START}) AND Minute < {END}",
        ordered="groupArray(Duration / 1e9)",
        dimensions={"ServiceName": "ServiceName", "HttpRoute": "HttpRoute", "StatusClass": _STATUS_CLASS},
        figures=[
            equal("Requests", "count()"),
            equal("Errors", f"countIf({ERRORS})"),
            summed("DurationSum", "sum(Duration) / 1e9", "sum(Duration) / 1e9"),
            close("DurationMax", "max(Duration) / 1e9", "max(DurationMax)"),
            *(close(name, _exactly(level, "Duration / 1e9"), f"any({name})") for name, level in DURATIONS.items()),
        ],
        merged=[
            equal("Requests", "sum(Requests)"),
            equal("Errors", "sum(Errors)"),
            summed("DurationSum", "sum(DurationSum)", "sum(DurationSum)"),
            equal("DurationMax", "max(DurationMax)", "max(DurationMax)"),
        ],
        counted="Requests",
        sketched="DurationSketch",
        percentiles=DURATIONS,
    ),
    *_tiers(
        PREDICTIONS,
        "predictions_data",
        raw="predictions",
        where=f"{within('Timestamp')} AND {REAL}",
        ordered=f"groupArrayIf({sketch.SCORE} / {sketch.SCALE}, Score IS NOT NULL)",
        dimensions={column: column for column in _PREDICTION_COLUMNS},
        figures=[
            equal("Predictions", "count()"),
            equal("Positives", "countIf(Positive)"),
            equal("Judged", "count(Positive)"),
            equal("Scored", "count(Score)"),
            summed("ScoreSum", "sum(ifNull(Score, 0))", "sum(abs(ifNull(Score, 0)))"),
            *(
                close(name, f"ifNull({_exactly(level, 'Score')}, nan)", f"any(ifNull({name}, nan))")
                for name, level in SCORES.items()
            ),
        ],
        merged=[
            *(equal(name, f"sum({name})") for name in ("Predictions", "Positives", "Judged", "Scored")),
            summed("ScoreSum", "sum(ScoreSum)", "sum(abs(ScoreSum))"),
        ],
        counted="Scored",
        sketched="ScoreSketch",
        percentiles=SCORES,
    ),
)
