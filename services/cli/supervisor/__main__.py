"""The supervisor's process: `python -m services.cli.supervisor [NAME...]`, started by `sightglass up`."""

import asyncio
import logging
import os
import signal
import sys
import time
from typing import Any

import psutil

from services.cli.settings import SupervisorSettings
from services.cli.supervisor.backoff import Backoff
from services.cli.supervisor.entity_salt import ensure_entity_salt
from services.cli.supervisor.own_log import start_own_log
from services.cli.supervisor.plan import Plan, make_plan
from services.cli.supervisor.ports import taken_ports
from services.cli.supervisor.preflight import check_start, ensure_otlp_token
from services.cli.supervisor.remnants import end_remnants, find_remnants
from services.cli.supervisor.run_folder import AlreadyRunningError, RunFolder
from services.cli.supervisor.supervisor import Failure, Supervisor
from services.cli.supervisor.units import PlanError
from sightglass.process_settings import given_variables, read_settings

_logger = logging.getLogger("services.cli.supervisor")


def main() -> None:
    """Own the data folder, run the plan, leave nothing behind."""
    settings = read_settings(SupervisorSettings)
    data_dir = settings.data_dir.expanduser().resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    rotate_own_log = start_own_log(
        data_dir / "logs" / "supervisor.log", max_bytes=settings.log_max_bytes, kept=settings.log_files_kept
    )
    folder = RunFolder(data_dir)
    try:
        with folder.owned():
            given = given_variables()
            ensure_entity_salt(data_dir)
            plan = make_plan(settings, os.environ, given).limited_to(sys.argv[1:])
            check_start(plan.endpoints, data_dir, given)
            ensure_otlp_token(plan.endpoints, data_dir)
            sys.exit(_run(plan, settings, folder, rotate_own_log))
    except AlreadyRunningError as error:
        _logger.error("%s", error)  # noqa: TRY400 - an expected answer; its traceback says nothing more
        sys.exit(3)
    except PlanError as error:
        _logger.error("%s", error)  # noqa: TRY400 - as above
        sys.exit(1)


def _run(plan: Plan, settings: SupervisorSettings, folder: RunFolder, rotate_own_log: Any) -> int:
    remnants = find_remnants(folder.read_state())
    if remnants:
        _logger.warning(
            "ending what a killed supervisor left: %s", ", ".join(f"{r.name} ({r.group})" for r in remnants)
        )
        end_remnants(remnants)

    about_us = {
        "pid": os.getpid(),
        "create_time": psutil.Process().create_time(),
        "started_at": time.time(),
        "log": str(plan.data_dir / "logs" / "supervisor.log"),
    }

    def publish(state: dict[str, Any]) -> None:
        rotate_own_log()
        folder.write_state(
            {"supervisor": about_us, "boot_time": psutil.boot_time(), **state, "clickhouse": plan.clickhouse()}
        )

    if taken := taken_ports(plan.units):
        for port in taken:
            _logger.error("%s", port)
        failure = Failure(taken[0].unit, "cannot listen: " + "; ".join(map(str, taken)), "", (), "")
        publish({"phase": "failed", "failure": vars(failure), "processes": [], "steps": []})
        return 1

    supervisor = Supervisor(
        plan.units,
        logs=plan.data_dir / "logs",
        environment=plan.environment,
        publish=publish,
        backoff=Backoff(
            settings.restart_first_seconds, settings.restart_longest_seconds, settings.restart_forgiven_after_seconds
        ),
        log_max_bytes=settings.log_max_bytes,
        log_files_kept=settings.log_files_kept,
    )
    return 0 if asyncio.run(_until_signal(supervisor)) is None else 1


async def _until_signal(supervisor: Supervisor) -> Failure | None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await supervisor.run(stop)


if __name__ == "__main__":
    main()
