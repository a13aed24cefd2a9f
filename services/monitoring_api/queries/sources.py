"""The rows that metrics are measured on. Each is counted by identity: what was delivered twice counts once."""

from typing import Final

from services.monitoring_api.queries.completeness import EXPORTS_WITH_STORED, SETTLE_SECONDS
from services.monitoring_api.queries.outcomes import JOINED_ROWS, PREPARED_ROWS
from services.monitoring_api.queries.score_histogram import binned
from services.monitoring_api.queries.source import Dimension, Finished, Rollup, Source, dimensions, groupings
from services.monitoring_api.queries.synthetic import REAL

# From a span's end to its storage.
SECONDS_TO_ARRIVE: Final = (
    "(toUnixTimestamp64Nano(toDateTime64(ArrivedAt, 9)) - toUnixTimestamp64Nano(Timestamp) - toInt64(Duration)) / 1e9"
)

# What the rollup calls StatusClass: 2xx, 5xx; empty for a span without a status code.
STATUS_CLASS: Final = "if(HttpStatusCode = 0, '', concat(toString(intDiv(HttpStatusCode, 100)), 'xx'))"

# Failed on the server's side.
ERRORS: Final = "HttpStatusCode >= 500 OR StatusCode = 'Error'"

_PREDICTION_DIMENSIONS: Final = dimensions(
    Dimension("service", "ServiceName", "ServiceName"),
    Dimension("model", "ModelName", "ModelName"),
    Dimension("model_version", "ModelVersion", "ModelVersion"),
    Dimension("variant", "Variant", "Variant"),
    Dimension("features_source", "FeaturesSource", "FeaturesSource"),
    Dimension("label", "Label"),
)

_PREDICTION_ROLLUP: Final = Rollup(
    "rollup_predictions_1m",
    "predictions",
    "rollup_predictions_15m",
    "predictions_15m",
    Finished(
        "rollup_predictions_finished",
        groupings(("variant",), ("model", "variant"), ("model", "model_version", "variant")),
    ),
)

# Requests that a service answered: its server spans.
REQUESTS: Final = Source(
    name="requests",
    rows="otel_traces FINAL",
    time="Timestamp",
    minute="Minute",
    where=("SpanKind = 'Server'",),
    arrived="ArrivedAt",
    dimensions=dimensions(
        Dimension("service", "ServiceName", "ServiceName"),
        Dimension("route", "HttpRoute", "HttpRoute"),
        Dimension("status_class", STATUS_CLASS, "StatusClass"),
        Dimension("status_code", "toString(HttpStatusCode)"),
        Dimension("error_type", "ErrorType"),
        Dimension("model", "ModelName"),
        Dimension("model_version", "ModelVersion"),
    ),
    rollup=Rollup(
        "rollup_requests_1m",
        "requests",
        "rollup_requests_15m",
        "requests_15m",
        Finished("rollup_requests_finished", groupings((), ("service",), ("route",), ("service", "route"))),
    ),
)

PREDICTIONS: Final = Source(
    name="predictions",
    rows="predictions",
    of_events=True,
    time="Timestamp",
    arrived="ArrivedAt",
    where=(REAL,),
    dimensions=_PREDICTION_DIMENSIONS,
    rollup=_PREDICTION_ROLLUP,
    defaults={"variant": "champion"},
)

# Predictions with what became of them; bucketed by the prediction's time, not the label's.
OUTCOMES: Final = Source(
    name="outcomes",
    rows=JOINED_ROWS,
    prepared=PREPARED_ROWS,
    states=binned,
    of_events=True,
    time="Timestamp",
    arrived="ArrivedAt",
    where=(REAL,),
    dimensions=_PREDICTION_DIMENSIONS,
    rollup=Rollup(
        "rollup_outcomes_15m",
        "outcomes_15m",
        "rollup_outcomes_1d",
        "outcomes_1d",
        seconds=900,
        longer_seconds=86_400,
        # A prediction's row is written when its minute is computed, its quarter after that.
        behind=(_PREDICTION_ROLLUP.kind, _PREDICTION_ROLLUP.longer_kind),
        of_outcomes=True,
    ),
    defaults={"variant": "champion"},
)

# Spans on their way in; replayed ones carry past times and say nothing about the pipeline's speed.
INGEST: Final = Source(
    name="ingest",
    rows="otel_traces FINAL",
    time="Timestamp",
    minute="Minute",
    where=("NOT Replayed", REAL),
    arrived="ArrivedAt",
    dimensions=dimensions(Dimension("service", "ServiceName")),
)

COMPLETENESS: Final = Source(
    name="completeness",
    rows=EXPORTS_WITH_STORED,
    time="At",
    dimensions=dimensions(Dimension("service", "ServiceName"), Dimension("signal", "Signal")),
    settle_seconds=SETTLE_SECONDS,
)
