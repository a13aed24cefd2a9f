"""Checks of an instance: its ports, its processes, and whether each part answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from services.cli.doctor.check import Check, Verdict
from services.cli.supervisor.plan import Plan
from services.cli.supervisor.ports import taken_ports

_TIMEOUT_SECONDS = 5.0


def check_ports(plan: Plan) -> list[Check]:
    """Every port that `sightglass up` will need is free."""
    taken = taken_ports(plan.units)
    if not taken:
        numbers = ", ".join(str(port.number) for unit in plan.units for port in unit.ports)
        return [Check("ports", Verdict.OK, f"free: {numbers}")]
    return [
        Check(
            f"port {port.port.number}",
            Verdict.FAILED,
            f"{port.unit} needs it, and it is taken by {port.holder}",
            f"Stop that process, or set {port.port.setting} to a free port.",
        )
        for port in taken
    ]


def check_processes(report: Mapping[str, Any]) -> list[Check]:
    """Every process is up; one that was started several times is worth a look."""
    return [_check_process(entry) for entry in report["processes"]]


def _check_process(entry: Mapping[str, Any]) -> Check:
    name = entry["name"]
    if entry["state"] == "off":
        return Check(name, Verdict.SKIPPED, "not asked for")
    if entry["state"] != "up":
        return Check(
            name, Verdict.FAILED, f"{entry['state']}: {entry['detail']}".rstrip(": "), f"Its log: {entry['log']}"
        )
    found = f"up, process {entry['pid']}" + (f", {entry['url']}" if entry["url"] else "")
    if entry["restarts"]:
        return Check(name, Verdict.WARNING, f"{found}, restarted {entry['restarts']} times", f"Its log: {entry['log']}")
    return Check(name, Verdict.OK, found)


def check_clickhouse(report: Mapping[str, Any]) -> Check:
    """ClickHouse answers the reader, and says its version."""
    clickhouse = report["clickhouse"]
    try:
        password = Path(clickhouse["reader_password_file"]).read_text(encoding="utf-8").strip()
    except OSError as error:
        return Check(
            "clickhouse query",
            Verdict.FAILED,
            f"{clickhouse['reader_password_file']}: {error.strerror}",
            "The embedded ClickHouse writes it when it starts; for a server of yours, put the reader's password there.",
        )
    try:
        answer = httpx.post(
            clickhouse["url"],
            content="SELECT version() FORMAT TabSeparated",
            headers={"X-ClickHouse-User": clickhouse["reader_user"], "X-ClickHouse-Key": password},
            timeout=_TIMEOUT_SECONDS,
        )
    except httpx.HTTPError as error:
        return Check("clickhouse query", Verdict.FAILED, f"{clickhouse['url']}: {error}", "Look at its log.")
    if not answer.is_success:
        return Check("clickhouse query", Verdict.FAILED, answer.text[:200], "Check the reader's user and password.")
    return Check("clickhouse query", Verdict.OK, f"ClickHouse {answer.text.strip()} answers the reader")


def check_pipeline(report: Mapping[str, Any]) -> Check:
    """What the pipeline says about itself."""
    url = next(entry["url"] for entry in report["processes"] if entry["name"] == "monitoring-api")
    try:
        answer = httpx.get(f"{url}/api/v1/pipeline/health", timeout=_TIMEOUT_SECONDS + 1)
        health = answer.json()
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        return Check("pipeline", Verdict.FAILED, f"{url}: {error}", "Look at the monitoring API's log.")
    if not answer.is_success:
        return Check("pipeline", Verdict.FAILED, str(health.get("detail", health))[:200], "Is ClickHouse up?")
    state = health.get("status", "?")
    verdict = Verdict.OK if state == "ok" else Verdict.WARNING
    return Check(
        "pipeline", verdict, f"{state}, as {url}/api/v1/pipeline/health says", "" if state == "ok" else "See there."
    )
