"""Spans and metrics as plain values that two runs can be compared by: everything but times and stack frames of ours."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line \d+, in .*\n(?:    .*\n)*')
_THEIRS = re.compile(
    r"middleware/errors|sightglass/(?!equivalence)[a-z_/]+\.py|instrumentation/(asgi|fastapi)/|opentelemetry/trace/|contextlib"
)
# The SDK's counts of itself, which a stock telemetry asks for, and ours of the process.
_OF_REQUESTS = "http."


def value(of: Any) -> Any:
    """A value with its type: 1, 1.0 and True are three."""
    if isinstance(of, Mapping):
        return {str(key): value(item) for key, item in sorted(of.items())}
    if isinstance(of, Sequence) and not isinstance(of, str | bytes):
        return [value(item) for item in of]
    return f"{type(of).__name__} {of!r}"


def attributes(of: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes in the order of their names."""
    described = dict(value(of or {}))
    if (trace := (of or {}).get("exception.stacktrace")) is not None:
        described["exception.stacktrace"] = stack(str(trace))
    return described


def stack(text: str) -> str:
    """A stack trace without the frames of middleware and instrumentation."""
    return _FRAME.sub(lambda frame: "" if _THEIRS.search(frame["file"]) else frame[0], text)


def context(of: Any) -> Any:
    """A span's context."""
    if of is None:
        return None
    return {
        "trace": f"{of.trace_id:032x}",
        "span": f"{of.span_id:016x}",
        "flags": int(of.trace_flags),
        "state": list(of.trace_state.items()),
        "remote": of.is_remote,
    }


def scope(of: Any) -> dict[str, Any]:
    """An instrumentation scope."""
    return {
        "name": of.name,
        "version": of.version,
        "schema": of.schema_url,
        "attributes": attributes(of.attributes),
    }


def resource(of: Any) -> dict[str, Any]:
    """A resource; its instance has an id of its own in each run."""
    described = attributes(of.attributes)
    described["service.instance.id"] = len(described.get("service.instance.id", ""))
    return {"schema": of.schema_url, "attributes": described}


def span(of: Any) -> dict[str, Any]:
    """A whole span."""
    return {
        "name": value(of.name),
        "kind": of.kind.name,
        "context": context(of.context),
        "parent": context(of.parent),
        "status": (of.status.status_code.name, of.status.description),
        "attributes": attributes(of.attributes),
        "dropped": (of.dropped_attributes, of.dropped_events, of.dropped_links),
        "events": [
            (event.name, event.timestamp > 0, attributes(event.attributes), event.dropped_attributes)
            for event in of.events
        ],
        "links": [(context(link.context), attributes(link.attributes), link.dropped_attributes) for link in of.links],
        "resource": resource(of.resource),
        "scope": scope(of.instrumentation_scope),
        "in order": 0 < of.start_time <= of.end_time,
    }


def metrics(of: Any) -> dict[str, Any]:
    """The metrics of requests, with every point; a name that comes twice is an error of its own."""
    found: dict[str, Any] = {}
    for part in of.resource_metrics:
        for instrumentation in part.scope_metrics:
            for each in instrumentation.metrics:
                if each.name.startswith(_OF_REQUESTS):
                    name = each.name if each.name not in found else f"{each.name} again"
                    found[name] = _metric(each) | {
                        "resource": resource(part.resource),
                        "resource schema": part.schema_url,
                        "scope": scope(instrumentation.scope),
                        "scope schema": instrumentation.schema_url,
                    }
    return found


def _metric(of: Any) -> dict[str, Any]:
    points = [_point(point, times=of.name.endswith("duration")) for point in of.data.data_points]
    return {
        "unit": of.unit,
        "description": of.description,
        "type": type(of.data).__name__,
        "temporality": of.data.aggregation_temporality.name,
        "monotonic": getattr(of.data, "is_monotonic", None),
        "points": {" ".join(f"{key}={item}" for key, item in point["attributes"].items()): point for point in points},
        "number": len(points),
    }


def _point(of: Any, *, times: bool) -> dict[str, Any]:
    described = {
        "attributes": attributes(of.attributes),
        "in order": 0 < of.start_time_unix_nano <= of.time_unix_nano,
    }
    if hasattr(of, "value"):
        return described | {"value": of.value, "exemplars": _exemplars(of)}
    described |= {
        "count": of.count,
        "bounds": list(getattr(of, "explicit_bounds", ())),
        "whole": sum(of.bucket_counts) == of.count if hasattr(of, "bucket_counts") else None,
    }
    if not times:
        return described | {
            "sum": of.sum,
            "min": of.min,
            "max": of.max,
            "buckets": list(getattr(of, "bucket_counts", ()))
            or repr((of.scale, of.zero_count, of.positive, of.negative)),
            # Exponential histograms keep exemplars by chance.
            "exemplars": _exemplars(of) if hasattr(of, "bucket_counts") else bool(of.exemplars),
        }
    # How long something took differs from run to run: what must hold of it is held instead.
    return described | {
        "sum": of.count * of.min <= of.sum * 1.001 and of.sum <= of.count * of.max * 1.001,
        "positive": of.min >= 0,
        "exemplars": any(exemplar.trace_id for exemplar in of.exemplars),
        "exemplars are true": all(of.min <= exemplar.value <= of.max for exemplar in of.exemplars),
        "filtered": any(exemplar.filtered_attributes for exemplar in of.exemplars),
    }


def _exemplars(of: Any) -> list[Any]:
    return [
        (exemplar.value, exemplar.trace_id, exemplar.span_id, attributes(exemplar.filtered_attributes))
        for exemplar in of.exemplars or ()
    ]
