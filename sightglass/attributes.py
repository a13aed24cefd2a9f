"""Every attribute, event and metric name that crosses a process boundary.

Semantic conventions come first (`http.*`, `service.*`, `error.type`); what is specific to machine learning
lives under `ml.`. Spell these names nowhere else.
"""

from typing import Final

PREDICTION_EVENT: Final = "ml.prediction"
LABEL_EVENT: Final = "ml.label"

MODEL_NAME: Final = "ml.model.name"
MODEL_VERSION: Final = "ml.model.version"
TASK: Final = "ml.task"
PREDICTION_ID: Final = "ml.prediction.id"
PREDICTION_LABEL: Final = "ml.prediction.label"
PREDICTION_SCORE: Final = "ml.prediction.score"
PREDICTION_VALUE: Final = "ml.prediction.value"
PREDICTION_DURATION: Final = "ml.prediction.duration"
FEATURES_SOURCE: Final = "ml.features.source"
VARIANT: Final = "ml.variant"
ENTITY_ID: Final = "ml.entity.id"
REPLAYED: Final = "ml.replayed"
TRUNCATED: Final = "ml.truncated"

LABEL_VALUE: Final = "ml.label.value"
LABEL_OBSERVED_AT: Final = "ml.label.observed_at"
LABEL_ARRIVED_AT: Final = "ml.label.arrived_at"

PREDICTION_COUNT_METRIC: Final = "ml.prediction.count"
LABEL_COUNT_METRIC: Final = "ml.label.count"
SPAN_COUNT_METRIC: Final = "sightglass.spans.ended"
HEARTBEAT_METRIC: Final = "sightglass.process.uptime"
EXPORT_TIME_METRIC: Final = "sightglass.export.time"
FAILED_EXPORT_METRIC: Final = "sightglass.export.failed"

SIGNAL: Final = "signal"
BATCH_SIZE: Final = "ml.prediction.batch_size"
PREDICTION_POSITIVE: Final = "ml.prediction.positive"
SDK_SPANS_PROCESSED_METRIC: Final = "otel.sdk.processor.span.processed"
SDK_LOGS_PROCESSED_METRIC: Final = "otel.sdk.processor.log.processed"
