"""Checks of an instance: its ports, its processes, and whether each part answers."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import AskError, DeniedError, Reach
from services.cli.supervisor.plan import Plan
from services.cli.supervisor.ports import taken_ports
from services.cli.supervisor.readiness import HeartbeatProbe, HttpProbe

_PATHS = {
    "clickhouse": ("/ping", "Ok."),
    "collector": ("/", ""),
    "ml-api": ("/readyz", ""),
    "monitoring-api": ("/readyz", ""),
    "dashboard": ("/_stcore/health", ""),
}
_TIMEOUT_SECONDS = 5.0
_REMEDY = "Start it, or look at the log of whatever runs it."


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


def check_parts(plan: Plan, reach: Reach, *, expect_running: bool) -> list[Check]:
    """Every part answers where the settings say, whoever started it.

    Args:
        plan: the plan that follows from the settings.
        reach: where the parts answer.
        expect_running: whether a part without a port must be seen too, by its heartbeat in the data folder.
    """
    units = [unit for unit in plan.units if not unit.one_shot]
    return [
        _check_part(unit.name, reach) if unit.name in _PATHS else _check_heartbeat(unit.name, plan, expect_running)
        for unit in units
    ]


def answering(reach: Reach) -> list[str]:
    """Name the parts that answer."""
    return [name for name in _PATHS if _ask(name, reach) == ""]


def guarded(name: str, remedy: str, look: Callable[[], Check]) -> Check:
    """Make a check fail, and not the doctor, where what it looks at can't be asked."""
    try:
        return look()
    except DeniedError as error:
        return Check(
            name,
            Verdict.FAILED,
            str(error),
            "Give the doctor a token: SIGHTGLASS_TOKEN or --token-file; `sightglass tokens create doctor --role "
            "viewer` "
            "makes one.",
        )
    except AskError as error:
        return Check(name, Verdict.FAILED, str(error), remedy)


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


def _check_part(name: str, reach: Reach) -> Check:
    reason = _ask(name, reach)
    if not reason:
        return Check(name, Verdict.OK, f"answers, {reach.urls[name]}")
    return Check(name, Verdict.FAILED, reason, _REMEDY)


def _check_heartbeat(name: str, plan: Plan, expected: bool) -> Check:  # noqa: FBT001 - told apart by its one caller
    path = plan.data_dir / "run" / f"{name}.heartbeat"
    if not expected and not path.exists():
        return Check(name, Verdict.SKIPPED, f"it has no port, and no {path} is seen from here")
    answer = asyncio.run(HeartbeatProbe(path).ask(None))
    if answer.ready:
        return Check(name, Verdict.OK, "its heartbeat is fresh")
    return Check(name, Verdict.FAILED, f"{path}: {answer.reason}", _REMEDY)


def _ask(name: str, reach: Reach) -> str:
    """Why a part is not ready; empty when it is."""
    path, body = _PATHS[name]
    base = reach.health_url if name == "collector" else reach.urls[name]
    probe = HttpProbe(f"{base}{path}", body=body, ca_file=reach.ca_file, timeout_seconds=_TIMEOUT_SECONDS)
    return asyncio.run(probe.ask(None)).reason
