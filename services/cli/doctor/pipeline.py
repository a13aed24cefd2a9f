"""Checks of what the monitoring API says about the pipeline, and how fast it says it."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import AskError, Reach

_SLOW_LAG_SECONDS, _LONG_LAG_SECONDS = 10.0, 30.0
_SLOW_ANSWER_SECONDS, _LONG_ANSWER_SECONDS = 1.0, 4.0
_QUESTION = "/api/v1/metrics/history?metric=latency_p95&from=now-24h&to=now&group_by=service"


def pipeline_health(reach: Reach) -> Mapping[str, Any]:
    """What the monitoring API says.

    Raises:
        AskError: it says nothing that can be used.
    """
    return _object(reach.get("monitoring-api", "/api/v1/pipeline/health"))


def check_pipeline(health: Mapping[str, Any]) -> Check:
    """Nothing is lost, and everybody is heard."""
    state, reasons = str(health.get("status", "?")), [str(reason) for reason in health.get("reasons", [])]
    if state == "ok":
        return Check("pipeline", Verdict.OK, "complete: what was counted is stored")
    return Check(
        "pipeline",
        Verdict.WARNING,
        f"{state}: {'; '.join(reasons) or 'without a reason'}",
        "Each reason names its process: look at that one's check and log. `synthetic prediction` tells whether "
        "data comes "
        "through now.",
    )


def check_lag(health: Mapping[str, Any]) -> Check:
    """Spans are stored soon after they end."""
    lag = (health.get("ingest_lag_seconds") or {}).get("p95")
    if lag is None:
        return Check("ingest lag", Verdict.SKIPPED, "no spans came in the last 15 minutes", "")
    found = f"95% of spans are stored within {float(lag):.1f} s of their end"
    remedy = (
        "See the checks `collector queue` (a queue that grows delays), `clickhouse disk` and `clock skew` (a "
        "wrong clock "
        "looks like a delay); SIGHTGLASS_COLLECTOR_BATCH_TIMEOUT is the shortest time that a batch waits."
    )
    if lag > _LONG_LAG_SECONDS:
        return Check("ingest lag", Verdict.FAILED, found, remedy)
    return Check("ingest lag", Verdict.WARNING if lag > _SLOW_LAG_SECONDS else Verdict.OK, found, remedy)


def check_answer_time(reach: Reach) -> Check:
    """A day's chart is answered fast enough for a page."""
    begun = time.monotonic()
    reach.get("monitoring-api", _QUESTION)
    seconds = time.monotonic() - begun
    found = f"a chart of 24 hours is answered in {seconds:.2f} s"
    remedy = (
        "Look at the check `maintenance` (finished minutes are answered from rollups, which that process makes), "
        "at memory "
        "and disk, and at who else asks ClickHouse (SIGHTGLASS_CLICKHOUSE_READER_SLOTS)."
    )
    if seconds > _LONG_ANSWER_SECONDS:
        return Check("answer time", Verdict.FAILED, found, remedy)
    return Check("answer time", Verdict.WARNING if seconds > _SLOW_ANSWER_SECONDS else Verdict.OK, found, remedy)


def check_model(reach: Reach) -> Check:
    """The ML API has a model that answers."""
    listed = _object(reach.get("ml-api", "/v1/models"))
    active = [f"{model.get('name')} {model.get('active')}" for model in listed.get("models", []) if model.get("active")]
    if not active:
        remedy = "`sightglass models train` makes one; `sightglass models promote` chooses one."
        return Check("model", Verdict.FAILED, "no version of any model is active", remedy)
    return Check("model", Verdict.OK, f"active: {', '.join(active)}")


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AskError(f"{answer.url} answers something that is not ours")
    return found
