"""When versions were first seen: of models by their predictions, of services by their processes' signs of life."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from sightglass.attributes import HEARTBEAT_METRIC

# What was seen this long before the range is not new in it, and a process that only started again is no deployment.
LOOKBACK_SECONDS: Final = 86_400
MOST: Final = 200

# Without FINAL: what came twice changes no first moment.
_MODELS: Final = f"""SELECT ModelName, ModelVersion, toUnixTimestamp64Nano(min(Timestamp)) AS First
FROM predictions_data
WHERE Timestamp >= fromUnixTimestamp64Nano({{since_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{to_ns:Int64}}, 'UTC')
    AND ({{model:String}} = '' OR ModelName = {{model:String}})
    AND ({{service:String}} = '' OR ServiceName = {{service:String}})
    AND {REAL}
GROUP BY ModelName, ModelVersion
HAVING First >= {{from_ns:Int64}}
ORDER BY First DESC, ModelName, ModelVersion
LIMIT {{most:UInt64}}"""  # noqa: S608  (a constant of ours)

# Spans carry the same version, but there are thousands for each sign of life.
_SERVICES: Final = f"""SELECT ServiceName, ResourceAttributes['service.version'] AS Version, min(toUnixTimestamp(TimeUnix)) AS First
FROM otel_metrics_gauge
WHERE MetricName = {{heartbeat:String}}
    AND TimeUnix >= toDateTime({{since:UInt32}}, 'UTC')
    AND TimeUnix < toDateTime({{to:UInt32}}, 'UTC')
    AND ({{service:String}} = '' OR ServiceName = {{service:String}})
    AND Version != ''
    AND {REAL}
GROUP BY ServiceName, Version
HAVING First >= {{from:UInt32}}
ORDER BY First DESC, ServiceName, Version
LIMIT {{most:UInt64}}"""  # noqa: S608, E501


class FirstSight(NamedTuple):
    """A version that was not seen before.

    Args:
        name: Of the model or service.
        version: Its version.
        at_ns: When it was first seen.
    """

    name: str
    version: str
    at_ns: int


def model_versions_query(span: TimeRange, *, model: str = "", service: str = "") -> Query:
    """Versions of models that made their first prediction within the range, the newest first.

    Args:
        span: The range.
        model: Only of this model; empty: of any.
        service: Only predictions of this service; empty: of any.
    """
    since_ns = max(0, span.start_ns - LOOKBACK_SECONDS * NANOSECONDS)
    parameters = {"since_ns": since_ns, "from_ns": span.start_ns, "to_ns": span.end_ns, "most": MOST + 1}
    return Query(_MODELS, {**parameters, "model": model, "service": service})


def service_versions_query(span: TimeRange, *, service: str = "") -> Query:
    """Versions of services of which a process gave its first sign of life within the range, the newest first."""
    start, end = span.start_ns // NANOSECONDS, -(-span.end_ns // NANOSECONDS)
    return Query(
        _SERVICES,
        {
            "heartbeat": HEARTBEAT_METRIC,
            "since": max(0, start - LOOKBACK_SECONDS),
            "from": start,
            "to": end,
            "service": service,
            "most": MOST + 1,
        },
    )


def model_versions(rows: Sequence[Sequence[Any]]) -> list[FirstSight]:
    """Read the answer to `model_versions_query`."""
    return [FirstSight(str(name), str(version), int(at)) for name, version, at in rows]


def service_versions(rows: Sequence[Sequence[Any]]) -> list[FirstSight]:
    """Read the answer to `service_versions_query`."""
    return [FirstSight(str(name), str(version), int(at) * NANOSECONDS) for name, version, at in rows]
