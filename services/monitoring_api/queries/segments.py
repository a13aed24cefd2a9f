"""Predictions told apart by one thing: a feature, a column, or how their trace went."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.feature_values import LONGEST_NAME_BYTES, feature_number, feature_text
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

FIELD: Final = "segment"
# The column that tells rows apart.
SEGMENT: Final = "Segment"
VARIANT: Final = "variant"
ENTITY: Final = "entity"
TRACE_PATH: Final = "trace_path"
COLUMNS: Final[Mapping[str, str]] = {
    "model_version": "ModelVersion",
    "features_source": "FeaturesSource",
    "service": "ServiceName",
    "label": "Label",
    ENTITY: "EntityId",
}
# A feature that is named like one of these is meant with this before it.
_FEATURE: Final = "feature."
MOST_BINS: Final = 50
_DEFAULT_BINS: Final = 5
MOST_VALUES: Final = 20
# With more distinct numbers than this a feature is cut into bins, unless something else is asked for.
_MOST_NUMBERS: Final = 10
_MOST_KNOWN: Final = 100
_SAMPLED_FOR_NAMES: Final = 10_000
_BINS: Final = f"bins are a number from 2 to {MOST_BINS} (distance:5) or edges in order (distance:[0,500,1000])"
_WITH_BINS: Final = re.compile(r"(?P<name>[^:]+):(?P<bins>.*)", re.DOTALL)
_QUOTED: Final = re.compile(r'"(?P<name>(?:[^"\\]|\\.)+)"(?::(?P<bins>.*))?', re.DOTALL)
# A trace's spans begin this long before or after the time of its prediction, at most.
_TRACE_SECONDS: Final = 3_600

_NAME: Final = "{segment_name:String}"
_IN_BIN: Final = "toString(arrayCount(edge -> edge <= segment_number, {segment_edges:Array(Float64)}))"

_PROFILE: Final = """SELECT
    count(),
    countIf(Text = ''),
    count(Number),
    uniqUpTo(10)(Number),
    arrayMap(each -> each.1, approx_top_k({most}, 2000)(Text)),
    arrayMap(each -> each.1, approx_top_kIf({most}, 2000)(Text, Number IS NULL)),
    if(empty(arraySort(groupArray(Number)) AS Sorted), NULL, Sorted[1]),
    arrayMap(
        number -> Sorted[1 + intDiv(number * length(Sorted), {{segment_bins:UInt16}})],
        if(empty(Sorted), [], range(1, toUInt64({{segment_bins:UInt16}})))
    )
FROM (SELECT {text} AS Text, {number} AS Number FROM {rows})"""

_NAMES: Final = """SELECT DISTINCT Name
FROM
(
    SELECT arrayJoin(arrayConcat(JSONExtractKeys(Features), mapKeys(FeaturesNonfinite))) AS Name
    FROM (SELECT Features, FeaturesNonfinite FROM {rows} LIMIT {sampled})
)
ORDER BY Name
LIMIT {most}"""

_RETRIED: Final = (
    "toUInt32OrZero(SpanAttributes['http.request.resend_count']) > 0 "
    "OR arrayExists(name -> lower(name) = 'retry', `Events.Name`)"
)
_TIMED_OUT: Final = "positionCaseInsensitive(ErrorType, 'timeout') > 0"
_WITH_TRACE_PATH: Final = """(
    SELECT
        made.*,
        multiIf(
            FeaturesSource = 'fallback', 'fallback',
            ifNull(went.Seen, 0) = 0, '',
            went.Retried = 1, 'retry',
            went.TimedOut = 1, 'timeout',
            'plain'
        ) AS TracePath
    FROM {rows} AS made
    LEFT ANY JOIN
    (
        SELECT
            TraceId,
            1 AS Seen,
            max(SpanKind != 'Server' AND ({retried})) AS Retried,
            max(SpanKind != 'Server' AND {timed_out}) AS TimedOut
        FROM otel_traces
        WHERE {within} AND TraceId != ''
        GROUP BY TraceId
    ) AS went
    ON made.TraceId = went.TraceId
)"""


# Features are not among what was joined before, so what they say is looked up by the prediction's identity. By its
# hash, which takes half the memory and time: that any two of ten million are taken for each other has a chance of 3e-6.
_WITH_SEGMENT: Final = f"""(
    SELECT rows.*, made.{SEGMENT} AS {SEGMENT}
    FROM {{rows}} AS rows
    LEFT ANY JOIN
    (
        SELECT sipHash64(PredictionId, ModelVersion) AS Identity, toLowCardinality({SEGMENT}) AS {SEGMENT}
        FROM {{made}}
    ) AS made
    ON sipHash64(rows.PredictionId, rows.ModelVersion) = made.Identity
)"""  # noqa: S608  (constants of ours)


@dataclass(frozen=True, slots=True)
class Segmenting:
    """What predictions are told apart by, as it was asked for.

    Args:
        name: Of the feature, of one of COLUMNS, VARIANT or TRACE_PATH.
        is_feature: Whether it is a feature.
        bins: Into how many bins numbers are cut.
        edges: Or where they are cut, ascending.
    """

    name: str
    is_feature: bool
    bins: int | None = None
    edges: tuple[float, ...] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether it was said how numbers are cut."""
        return self.bins is not None or self.edges is not None


@dataclass(frozen=True, slots=True)
class Segment:
    """One of the parts that predictions are told apart into.

    Args:
        kind: ``value``, ``range``, ``null``, ``nonfinite``, ``missing`` or ``other``.
        value: Of a value, with its type; of a number that is not finite its name.
        start: Of a range: its lower end, which belongs to it; None: everything below.
        end: Its upper end, which does not; None: everything above.
    """

    kind: str
    value: Any = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """How rows are told apart.

    Args:
        expression: SQL over the columns of the view ``predictions``, and TracePath, that tells them apart, a text.
        parameters: The values that both need, besides those of the rows.
        by_trace: Whether that takes the spans of their traces.
        edges: Where numbers are cut.
        as_json: Whether values are JSON, as those of features are.
        by_entity: Whether they are told apart by their entity.
    """

    expression: str
    parameters: Mapping[str, Any]
    by_trace: bool = False
    edges: tuple[float, ...] = ()
    as_json: bool = False
    by_entity: bool = False

    def rows(self, made: str) -> str:
        """SQL after FROM: these predictions, given as such, with the column SEGMENT."""
        if self.by_trace:
            conditions = (
                " AND ".join(WITHIN).replace("{from_ns:", "{trace_from_ns:").replace("{to_ns:", "{trace_to_ns:")
            )
            made = _WITH_TRACE_PATH.format(rows=made, retried=_RETRIED, timed_out=_TIMED_OUT, within=conditions)
        return f"(SELECT *, {self.expression} AS {SEGMENT} FROM {made})"  # noqa: S608  (texts of ours)

    def told_apart(self, rows: str, made: str) -> str:
        """SQL after FROM: rows with what became of them, with the column SEGMENT.

        Args:
            rows: SQL after FROM, with the columns of `outcomes.COLUMNS`.
            made: The same predictions, with the columns of the view ``predictions``.
        """
        if not self.as_json and not self.by_entity:
            return self.rows(rows)
        return _WITH_SEGMENT.format(rows=rows, made=self.rows(made))

    def segment(self, key: str) -> Segment:
        """What a value of the expression stands for."""
        kind, _, text = key.partition(":")
        if kind == "value":
            return Segment(kind, _read(text) if self.as_json else text)
        if kind == "nonfinite":
            return Segment(kind, text)
        if kind == "range":
            number = int(text)
            return Segment(
                kind,
                start=self.edges[number - 1] if number > 0 else None,
                end=self.edges[number] if number < len(self.edges) else None,
            )
        return Segment(kind)

    def order(self, key: str) -> tuple[int, int]:
        """Where a segment stands: ranges in order, then values, then what has none."""
        kind, _, text = key.partition(":")
        return _KINDS.index(kind), int(text) if kind == "range" else 0


_KINDS: Final = ("range", "value", "null", "nonfinite", "missing", "other")


def parse_segment(text: str) -> Segmenting:
    r"""Read ``carrier``, ``distance:5``, ``distance:[0,500,1000]``, ``trace_path``, ``feature.label``, ``"a:b":5``.

    Raises:
        BadInput: Naming ``segment``.
    """
    if "\0" in text:
        raise bad_field(FIELD, "holds a NUL character")
    found = _QUOTED.fullmatch(text) or _WITH_BINS.fullmatch(text)
    name, bins = (found["name"], found["bins"]) if found else (text, None)
    if found and text.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL)
        is_feature = True
    else:
        is_feature = name not in {*COLUMNS, VARIANT, TRACE_PATH}
        name = name.removeprefix(_FEATURE) if is_feature else name
    if not 0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST_NAME_BYTES:
        raise bad_field(FIELD, f"not the name of a feature of 1 to {LONGEST_NAME_BYTES} bytes")
    if bins is None:
        return Segmenting(name, is_feature)
    if not is_feature:
        raise bad_field(FIELD, f"{name} has no bins")
    if bins.isascii() and bins.isdigit() and len(bins) <= 4 and 2 <= int(bins) <= MOST_BINS:  # noqa: PLR2004  (digits)
        return Segmenting(name, is_feature, bins=int(bins))
    return Segmenting(name, is_feature, edges=_edges(bins))


async def cut(database: Database, asked: Segmenting, rows: str, parameters: Mapping[str, Any], span: TimeRange) -> Cut:
    """Decide how rows are told apart: what values there are, and where numbers are cut.

    Args:
        database: Where to ask.
        asked: What to tell them apart by; not VARIANT.
        rows: SQL after FROM, with the columns of the view ``predictions``.
        parameters: The values that it needs.
        span: When they were made.

    Raises:
        BadInput: Naming ``segment``, when no row has such a feature, or it holds no numbers to cut.
    """
    if asked.name == TRACE_PATH and not asked.is_feature:
        around = TimeRange(
            max(0, span.start_ns - _TRACE_SECONDS * NANOSECONDS), span.end_ns + _TRACE_SECONDS * NANOSECONDS
        )
        times = {f"trace_{name}": value for name, value in within(around).items()}
        return Cut("if(TracePath = '', 'missing', concat('value:', TracePath))", times, by_trace=True)
    text = feature_text(_NAME) if asked.is_feature else COLUMNS[asked.name]
    number = feature_number(_NAME) if asked.is_feature else "CAST(NULL, 'Nullable(Float64)')"
    bound: dict[str, Any] = {"segment_name": asked.name}
    profile = Query(
        _PROFILE.format(text=text, number=number, rows=rows, most=MOST_VALUES),
        {**parameters, **bound, "segment_bins": asked.bins or _DEFAULT_BINS},
    )
    count, missing, numbers, distinct, values, others, least, quantiles = (await database.fetch(profile))[0]
    if asked.is_feature and count and missing == count:
        raise await _unknown(database, asked, rows, parameters)
    if asked.is_cut and count and not numbers:
        raise bad_field(FIELD, f"{asked.name[:80]} holds no numbers to cut; leave the bins out")
    binned = asked.is_cut or int(distinct) > _MOST_NUMBERS
    edges: tuple[float, ...] = ()
    if binned:
        edges = asked.edges or tuple(sorted({float(each) for each in quantiles if each > least}))
    bound |= {"segment_values": list(others if binned else values), "segment_edges": list(edges)}
    return Cut(
        _expression(text, number, asked, binned=binned),
        bound,
        edges=edges,
        as_json=asked.is_feature,
        by_entity=text == COLUMNS[ENTITY],
    )


def _expression(text: str, number: str, asked: Segmenting, *, binned: bool) -> str:
    values = f"has({{segment_values:Array(String)}}, {text}), concat('value:', {text})"
    if not asked.is_feature:
        return f"multiIf({text} = '', 'missing', {values}, 'other')"
    ranges = f"{number} IS NOT NULL, concat('range:', {_IN_BIN.replace('segment_number', number)}), " if binned else ""
    return (
        f"multiIf(mapContains(FeaturesNonfinite, {_NAME}), concat('nonfinite:', FeaturesNonfinite[{_NAME}]), "
        f"{text} = '', 'missing', {text} = 'null', 'null', {ranges}{values}, 'other')"
    )


async def _unknown(database: Database, asked: Segmenting, rows: str, parameters: Mapping[str, Any]) -> Exception:
    statement = _NAMES.format(rows=rows, sampled=_SAMPLED_FOR_NAMES, most=_MOST_KNOWN)
    names = [str(row[0]) for row in await database.fetch(Query(statement, parameters))]
    others = ", ".join([*names, *COLUMNS, VARIANT, TRACE_PATH])
    return bad_field(FIELD, f"no prediction has a feature {asked.name[:80]!r}; there are {others}")


def _edges(text: str) -> tuple[float, ...]:
    if not (text.startswith("[") and text.endswith("]")):
        raise bad_field(FIELD, _BINS)
    try:
        found = [float(part) for part in text[1:-1].split(",")]
    except ValueError as error:
        raise bad_field(FIELD, _BINS) from error
    if not 0 < len(found) <= MOST_BINS or not all(map(math.isfinite, found)) or found != sorted(set(found)):
        raise bad_field(FIELD, _BINS)
    return tuple(found)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def segment_order(segments: Sequence[tuple[str, int]], how: Cut) -> list[str]:
    """Keys in the order of an answer: ranges by their ends, values by how many predictions they have."""
    return [key for key, _ in sorted(segments, key=lambda each: (how.order(each[0]), -each[1], each[0]))]
