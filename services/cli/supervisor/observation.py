"""What is true now about the processes of a data folder, as `sightglass status` reports it."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import psutil

from services.cli.settings import SupervisorSettings
from services.cli.supervisor.plan import make_plan
from services.cli.supervisor.readiness import recorded_probe
from services.cli.supervisor.remnants import find_remnants
from services.cli.supervisor.run_folder import RunFolder
from services.cli.supervisor.units import State, Unit
from sightglass.process_settings import given_variables


async def observe(settings: SupervisorSettings) -> dict[str, Any]:
    """Look at every process now: the record says what was started, the process itself says whether it is ready."""
    plan = make_plan(settings, os.environ, given_variables())
    folder = RunFolder(plan.data_dir)
    supervised = folder.is_owned()
    state = folder.read_state()
    left = {} if supervised else {remnant.name: remnant for remnant in find_remnants(state)}
    recorded = {entry["name"]: entry for entry in state.get("processes", [])} if supervised else {}

    async def look(unit: Unit) -> dict[str, Any]:
        entry = recorded.get(unit.name)
        if entry is not None:
            return await _look_at(unit, entry)
        if unit.name in left:
            return _entry(unit, "orphaned", pid=left[unit.name].group, detail="its supervisor died; `sightglass down`")
        return _entry(unit, "off" if supervised else "down", detail="not asked for" if supervised else "")

    return {
        "processes": list(await asyncio.gather(*(look(unit) for unit in plan.units if not unit.one_shot))),
        "steps": state.get("steps", []) if supervised else [],
        "supervisor": {
            "pid": folder.pid() if supervised else None,
            "phase": state.get("phase", "down") if supervised else "down",
            "data_dir": str(plan.data_dir),
        },
        "clickhouse": state["clickhouse"] if supervised and "clickhouse" in state else plan.clickhouse(),
    }


async def _look_at(unit: Unit, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Check a recorded process against itself."""
    state, detail = str(entry["state"]), str(entry["detail"])
    # The recorded question, not the one that follows from the caller's environment, which may differ from the owner's.
    probe = recorded_probe(entry["probe"])
    if state == State.UP and probe is not None:
        answer = await probe.ask(entry["pid"])
        if not answer.ready:
            state, detail = "unready", answer.reason
    if entry["pid"] is not None and not psutil.pid_exists(entry["pid"]):
        state, detail = str(State.RESTARTING), "it has just ended"
    return {**_entry(unit, state, pid=entry["pid"], detail=detail), **_kept(entry)}


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("port", "url", "restarts", "since", "log", "external")}


def _entry(unit: Unit, state: str, *, pid: int | None = None, detail: str = "") -> dict[str, Any]:
    return {
        "name": unit.name,
        "pid": pid,
        "state": state,
        "port": unit.ports[0].number if unit.ports else None,
        "url": unit.url or None,
        "detail": detail,
        "restarts": 0,
        "since": None,
        "log": None,
        "external": unit.external,
    }
