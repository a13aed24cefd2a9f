"""Sends one prediction through the whole pipeline and times how soon it can be seen. It never counts."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import AskError, MissingError, Reach

_NAME = "synthetic prediction"
_PATIENCE_SECONDS = 30.0
_EMISSION_SECONDS = 60.0
_POLL_SECONDS = 0.1
_ROOT = Path(__file__).resolve().parents[3]
# Without metrics no process is heard, so none falls silent; the rest would send it elsewhere, later, or not at all.
_OWN = {"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_SAMPLER": "always_on"}
_LEFT_OUT = {
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "SIGHTGLASS_SPOOL_DIR",
    "SIGHTGLASS_TOKEN",
    # It names no entity, and the services' own salt need not be readable for whoever asks.
    "SIGHTGLASS_ENTITY_SALT",
    "SIGHTGLASS_ENTITY_SALT_FILE",
}


def check_synthetic(reach: Reach, environment: Mapping[str, str], patience_seconds: float = _PATIENCE_SECONDS) -> Check:
    """A prediction sent now is soon seen, with its trace.

    Args:
        reach: the instance.
        environment: variables that its processes have; they say where telemetry goes, and with which token.
        patience_seconds: how long it may take.
    """
    begun = time.monotonic()
    try:
        sent = _emit({**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": reach.urls["collector"]})
    except AskError as error:
        return Check(_NAME, Verdict.FAILED, str(error), "Please report this: it is a defect of the doctor.")
    if not sent["delivered"]:
        return Check(
            _NAME,
            Verdict.FAILED,
            f"the Collector at {reach.urls['collector']} did not take it{sent['said']}",
            "No data: see the check `collector`; with overlay `token` SIGHTGLASS_OTLP_TOKEN_FILE must hold its "
            "token, with "
            "overlay `tls` SIGHTGLASS_TLS_CA_FILE must vouch for it.",
        )
    emitted = time.monotonic()
    lacking = "the prediction"
    while (waited := time.monotonic() - emitted) < patience_seconds:
        try:
            lacking = _lacking(reach, sent["prediction_id"], sent["trace_id"])
        except AskError as error:
            lacking = str(error)
        if not lacking:
            seconds = time.monotonic() - begun
            return Check(
                _NAME,
                Verdict.OK,
                f"visible with its trace {waited:.1f} s after the Collector took it ({seconds:.1f} s in all), trace "
                f"{sent['trace_id']}",
            )
        time.sleep(_POLL_SECONDS)
    return Check(
        _NAME,
        Verdict.FAILED,
        f"the Collector took it, but {patience_seconds:g} s later it is not visible: {lacking}",
        "Delayed: it waits in the Collector, so see the checks `collector queue`, `clickhouse query`, "
        "`clickhouse disk` and "
        f"`schema`, and the Collector's log. Look again for trace {sent['trace_id']}.",
    )


def _emit(environment: Mapping[str, str]) -> dict[str, Any]:
    variables = {name: value for name, value in environment.items() if name not in _LEFT_OUT}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "services.cli.doctor.emission"],
            env={**variables, **_OWN, "PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            timeout=_EMISSION_SECONDS,
            check=False,
        )
        sent: dict[str, Any] = json.loads(ended.stdout)
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        raise AskError(f"it could not be sent: {type(error).__name__}") from None
    last = ended.stderr.strip().splitlines()[-1:]
    return {**sent, "said": f": {last[0][:200]}" if last else ""}


def _lacking(reach: Reach, prediction_id: str, trace_id: str) -> str:
    """What can't be seen yet: through the monitoring API where that answers, else in ClickHouse itself."""
    try:
        found = reach.get("monitoring-api", f"/api/v1/predictions/{prediction_id}").json()
    except MissingError:
        return "the prediction"
    except (AskError, ValueError):
        return _lacking_in_store(reach, prediction_id, trace_id)
    return "" if (found.get("trace") or {}).get("trace_id") == trace_id else "the trace"


def _lacking_in_store(reach: Reach, prediction_id: str, trace_id: str) -> str:
    counted = "SELECT toUInt32(count()) FROM"
    if not reach.rows(f"{counted} predictions WHERE PredictionId = '{prediction_id}'")[0][0]:  # ids of ours
        return "the prediction"
    recent = "Timestamp >= now() - INTERVAL 15 MINUTE AND Minute >= toStartOfMinute(now() - INTERVAL 15 MINUTE)"
    traces = f"{counted} otel_traces WHERE TraceId = '{trace_id}' AND {recent}"  # ids of ours
    return "" if reach.rows(traces)[0][0] else "the trace"
