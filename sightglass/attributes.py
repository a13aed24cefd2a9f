"""Every attribute, event and metric name that crosses a process boundary.

Semantic conventions come first (`http.*`, `service.*`, `error.type`); what is specific to machine learning
lives under `ml.`, what the library says about itself under `sightglass.`. Spell these names nowhere else.
docs/telemetry.md shows `REGISTRY`; a test compares both with what is really emitted.
"""

from dataclasses import dataclass
from typing import Final, Literal

PREDICTION_EVENT: Final = "ml.prediction"
LABEL_EVENT: Final = "ml.label"
MODEL_SWITCH_EVENT: Final = "ml.model.switch"

MODEL_NAME: Final = "ml.model.name"
MODEL_VERSION: Final = "ml.model.version"
TASK: Final = "ml.task"
PREDICTION_ID: Final = "ml.prediction.id"
PREDICTION_LABEL: Final = "ml.prediction.label"
PREDICTION_SCORE: Final = "ml.prediction.score"
PREDICTION_VALUE: Final = "ml.prediction.value"
PREDICTION_POSITIVE: Final = "ml.prediction.positive"
PREDICTION_DURATION: Final = "ml.prediction.duration"
BATCH_SIZE: Final = "ml.prediction.batch_size"
FEATURES_SOURCE: Final = "ml.features.source"
VARIANT: Final = "ml.variant"
ENTITY_ID: Final = "ml.entity.id"
REPLAYED: Final = "ml.replayed"
TRUNCATED: Final = "ml.truncated"

LABEL_VALUE: Final = "ml.label.value"
LABEL_OBSERVED_AT: Final = "ml.label.observed_at"
LABEL_ARRIVED_AT: Final = "ml.label.arrived_at"

PREVIOUS_VERSION: Final = "ml.model.previous_version"
SWITCH_REASON: Final = "ml.model.switch.reason"

SIGNAL: Final = "signal"

CHAMPION: Final = "champion"
SHADOW: Final = "shadow"
STORE: Final = "store"
FALLBACK: Final = "fallback"

PREDICTION_COUNT_METRIC: Final = "ml.prediction.count"
LABEL_COUNT_METRIC: Final = "ml.label.count"
SPAN_COUNT_METRIC: Final = "sightglass.spans.ended"
CUT_SPANS_METRIC: Final = "sightglass.spans.cut"
HEARTBEAT_METRIC: Final = "sightglass.process.uptime"
ENDED_METRIC: Final = "sightglass.process.ended"
EXPORT_TIME_METRIC: Final = "sightglass.export.time"
FAILED_EXPORT_METRIC: Final = "sightglass.export.failed"
EXPORT_RETRIES_METRIC: Final = "sightglass.export.retries"
SPOOL_SIZE_METRIC: Final = "sightglass.spool.size"
SPOOL_LIMIT_METRIC: Final = "sightglass.spool.limit"
SPOOL_ERRORS_METRIC: Final = "sightglass.spool.errors"
SCORE_METRIC: Final = "ml.model.score"
MODEL_DURATION_METRIC: Final = "ml.model.duration"
FALLBACK_METRIC: Final = "ml.fallback.count"
IN_FLIGHT_METRIC: Final = "ml.model.in_flight"
QUEUE_METRIC: Final = "ml.model.queue.duration"
SDK_SPANS_PROCESSED_METRIC: Final = "otel.sdk.processor.span.processed"
SDK_LOGS_PROCESSED_METRIC: Final = "otel.sdk.processor.log.processed"

Kind = Literal["event", "attribute", "counter", "histogram", "gauge", "span"]


@dataclass(frozen=True, slots=True)
class Term:
    """One name and what it means.

    Args:
        name: The name on the wire.
        kind: What carries the name.
        type: Type of an attribute's value, unit of a metric; empty for an event or a span.
        found_on: Events, spans and metrics that have the attribute; attributes that the metric or span has.
        meaning: One sentence.
    """

    name: str
    kind: Kind
    type: str
    found_on: tuple[str, ...]
    meaning: str


_SPAN: Final = "span"
_PREDICTION: Final = (_SPAN, PREDICTION_EVENT)
_MODEL_METRICS: Final = (SCORE_METRIC, MODEL_DURATION_METRIC, FALLBACK_METRIC, IN_FLIGHT_METRIC, QUEUE_METRIC)
_COUNTED: Final = (_SPAN, PREDICTION_EVENT, PREDICTION_COUNT_METRIC)
_OF_MODELS: Final = (_SPAN, PREDICTION_EVENT, MODEL_SWITCH_EVENT, PREDICTION_COUNT_METRIC, *_MODEL_METRICS)
_EXPORTS: Final = (FAILED_EXPORT_METRIC, EXPORT_RETRIES_METRIC)
_ALL_COUNTS: Final = (SPAN_COUNT_METRIC, CUT_SPANS_METRIC, PREDICTION_COUNT_METRIC, LABEL_COUNT_METRIC, *_EXPORTS)
_MODEL_SET: Final = (MODEL_NAME, MODEL_VERSION, VARIANT, REPLAYED)

REGISTRY: Final[tuple[Term, ...]] = (
    Term(PREDICTION_EVENT, "event", "", (), "A model predicted; the body is a JSON object with the features."),
    Term(LABEL_EVENT, "event", "", (), "The true label of a prediction became known; no body."),
    Term(MODEL_SWITCH_EVENT, "event", "", (), "Another version of a model answers from now on; no body."),
    Term(PREDICTION_ID, "attribute", "string", (*_PREDICTION, LABEL_EVENT), "Joins prediction, label and span."),
    Term(MODEL_NAME, "attribute", "string", _OF_MODELS, "The same over all versions of a model."),
    Term(MODEL_VERSION, "attribute", "string", _OF_MODELS, "Tells two artefacts apart, best a content hash."),
    Term(VARIANT, "attribute", "string", _OF_MODELS, "`champion`, or `shadow`."),
    Term(FEATURES_SOURCE, "attribute", "string", _COUNTED, "`store`, or `fallback` when features were replaced."),
    Term(TASK, "attribute", "string", _PREDICTION, "`binary`, `multiclass` or `regression`."),
    Term(PREDICTION_LABEL, "attribute", "string", _PREDICTION, "The decided class as text."),
    Term(
        PREDICTION_SCORE,
        "attribute",
        "double",
        _PREDICTION,
        "Binary: probability of the positive class; multiclass: of the decided one. Always finite.",
    ),
    Term(PREDICTION_VALUE, "attribute", "double", _PREDICTION, "The predicted number of a regression. Always finite."),
    Term(PREDICTION_POSITIVE, "attribute", "bool", _PREDICTION, "Binary: the decision was the positive class."),
    Term(BATCH_SIZE, "attribute", "int", (_SPAN,), "Predictions made in this span; the ids are the first one's."),
    Term(PREDICTION_DURATION, "attribute", "double", (PREDICTION_EVENT,), "Seconds that the model call alone took."),
    Term(ENTITY_ID, "attribute", "string", (PREDICTION_EVENT,), "Salted hash of what the prediction is about."),
    Term(
        TRUNCATED,
        "attribute",
        "string[]",
        (PREDICTION_EVENT, LABEL_EVENT, MODEL_SWITCH_EVENT),
        "What was cut or replaced, as `place:reason`; absent when nothing was.",
    ),
    Term(LABEL_VALUE, "attribute", "string", (LABEL_EVENT,), "The true class, or number, as text."),
    Term(LABEL_OBSERVED_AT, "attribute", "string", (LABEL_EVENT,), "The moment it describes: RFC 3339, UTC, 9 digits."),
    Term(LABEL_ARRIVED_AT, "attribute", "string", (LABEL_EVENT,), "When it arrived, if not on insertion: same form."),
    Term(
        REPLAYED,
        "attribute",
        "bool",
        (_SPAN, PREDICTION_EVENT, LABEL_EVENT, MODEL_SWITCH_EVENT, *_ALL_COUNTS, *_MODEL_METRICS),
        "True for what was recorded with past timestamps; else absent.",
    ),
    Term(PREVIOUS_VERSION, "attribute", "string", (MODEL_SWITCH_EVENT,), "What answered before; absent at first."),
    Term(SWITCH_REASON, "attribute", "string", (MODEL_SWITCH_EVENT,), "Why: `promote`, `rollback`, ..."),
    Term(SIGNAL, "attribute", "string", _EXPORTS, "`spans`, `logs` (events too) or `metrics`."),
    Term(
        SPAN_COUNT_METRIC,
        "counter",
        "{span}",
        (REPLAYED,),
        "Sampled spans that ended in this process, also those that were dropped later.",
    ),
    Term(
        PREDICTION_COUNT_METRIC,
        "counter",
        "{prediction}",
        (MODEL_NAME, MODEL_VERSION, VARIANT, FEATURES_SOURCE, REPLAYED),
        "Prediction events handed over, also those that were dropped later.",
    ),
    Term(LABEL_COUNT_METRIC, "counter", "{label}", (REPLAYED,), "Label events handed over."),
    Term(CUT_SPANS_METRIC, "counter", "{span}", (REPLAYED,), "Spans with an attribute that was cut to the longest."),
    Term(
        FAILED_EXPORT_METRIC,
        "counter",
        "{item}",
        (SIGNAL, "error.type", REPLAYED),
        "Spans and log records in exports that were given up: lost. Of metrics, collections: the next one makes up.",
    ),
    Term(EXPORT_RETRIES_METRIC, "counter", "{retry}", (SIGNAL, REPLAYED), "Exports that were tried again."),
    Term(SPOOL_SIZE_METRIC, "gauge", "By", (), "What the disk spool of this process holds, orphans included."),
    Term(SPOOL_LIMIT_METRIC, "gauge", "By", (), "What it may hold before it drops the oldest."),
    Term(
        SPOOL_ERRORS_METRIC,
        "counter",
        "{error}",
        ("error.type",),
        "Times the disk spool could not write, read or delete; what it could not write went through memory.",
    ),
    Term(SCORE_METRIC, "histogram", "1", _MODEL_SET, "Scores of classifications, with exemplars."),
    Term(
        MODEL_DURATION_METRIC,
        "histogram",
        "s",
        _MODEL_SET,
        "Time that the model call behind each prediction took, with exemplars.",
    ),
    Term(FALLBACK_METRIC, "counter", "{prediction}", _MODEL_SET, "Predictions whose features were replaced."),
    Term(IN_FLIGHT_METRIC, "counter", "{call}", _MODEL_SET, "Model calls under way; goes up and down."),
    Term(QUEUE_METRIC, "histogram", "s", _MODEL_SET, "Time that model calls waited for their turn, with exemplars."),
    Term(HEARTBEAT_METRIC, "gauge", "s", (), "Time since telemetry started; the sign of life of an idle process."),
    Term(ENDED_METRIC, "gauge", "1", (), "1 in the last export of a process that ended in order; else absent."),
    Term(
        EXPORT_TIME_METRIC,
        "gauge",
        "s",
        (),
        "The moment since 1970 that the counts beside it are of: rows until then are in them, later ones are not.",
    ),
    Term(
        SDK_SPANS_PROCESSED_METRIC,
        "counter",
        "{span}",
        ("otel.component.name", "otel.component.type", "error.type"),
        "The SDK's own. With `error.type` `queue_full` or `already_shutdown`: dropped.",
    ),
    Term(
        SDK_LOGS_PROCESSED_METRIC,
        "counter",
        "{log_record}",
        ("otel.component.name", "otel.component.type", "error.type"),
        "As above, for log records and events.",
    ),
)
