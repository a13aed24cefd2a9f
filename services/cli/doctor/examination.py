"""All checks, in the order in which they help: the machine, the instance, what it stores and says, one prediction."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

from services.cli.doctor.alert_outbox import check_outbox
from services.cli.doctor.certificates import check_certificates
from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.clocks import check_clocks
from services.cli.doctor.collector_queue import check_queue
from services.cli.doctor.instance import answering, check_parts, check_ports, check_processes, guarded
from services.cli.doctor.machine import check_collector, check_data_folder, check_disk, check_memory, check_python
from services.cli.doctor.notification_channels import check_channels
from services.cli.doctor.pipeline import check_answer_time, check_lag, check_model, check_pipeline, pipeline_health
from services.cli.doctor.reach import Reach
from services.cli.doctor.secret_files import check_secret_files
from services.cli.doctor.store import check_disks, check_duplicates, check_query, check_schema
from services.cli.doctor.synthetic import check_synthetic
from services.cli.doctor.versions import check_versions
from services.cli.settings import SupervisorSettings
from services.cli.settings_catalogue import read_settings
from services.cli.supervisor.observation import observe
from services.cli.supervisor.plan import Plan, make_plan
from sightglass.process_settings import given_variables
from sightglass.settings import OTLP_TOKEN_FILE_VARIABLE

_CLICKHOUSE = "`clickhouse` must be up first; for a server of yours, put the reader's password into that file."
_API = "See the check `monitoring-api`, and its log."
_NOTHING = "Start it; if it runs, the addresses or the network are wrong: the checks below name what was asked."


def examine(
    settings: SupervisorSettings, *, token: str | None, synthetic: bool, expect_running: bool = False
) -> Iterator[Check]:
    """Make all checks, each as soon as the one before is made.

    Args:
        settings: the supervisor's.
        token: shown to the APIs.
        synthetic: whether a prediction may be sent.
        expect_running: whether it is a failure that nothing runs; so it is anyway where everything is elsewhere.
    """
    plan = make_plan(settings, os.environ, given_variables())
    report = asyncio.run(observe(settings))
    reach = Reach.of(plan, report, read_settings("SIGHTGLASS_MONITORING_API_"), token)
    yield from _of_machine(plan, settings, elsewhere=reach.is_elsewhere)
    if any(entry["state"] == "orphaned" for entry in report["processes"]):
        found = ", ".join(entry["name"] for entry in report["processes"] if entry["state"] == "orphaned")
        yield Check("leftovers", Verdict.FAILED, f"still running without supervisor: {found}", "sightglass down")
    if report["supervisor"]["pid"] is not None:
        yield from check_processes(report)
        missing = {entry["name"] for entry in report["processes"] if entry["state"] == "off"}
    elif answering(reach):
        yield Check(
            "instance", Verdict.OK, "not started by `sightglass up` on this data folder; asked where it answers"
        )
        yield from check_parts(plan, reach, expect_running=expect_running)
        missing = set()
    elif expect_running or reach.is_elsewhere:
        yield Check("instance", Verdict.FAILED, "nothing answers", _NOTHING)
        yield from check_parts(plan, reach, expect_running=expect_running)
        return
    else:
        yield from check_ports(plan)
        yield Check(
            "instance", Verdict.SKIPPED, "not running, so its parts are not checked", "`sightglass up` starts it."
        )
        return
    yield from _of_instance(plan, reach, missing, synthetic=synthetic)


def _of_machine(plan: Plan, settings: SupervisorSettings, *, elsewhere: bool) -> Iterator[Check]:
    """What must be well before anything starts here."""
    yield check_python()
    yield check_memory()
    yield check_disk(plan.data_dir)
    if elsewhere:
        yield Check("data folder", Verdict.SKIPPED, "the processes are elsewhere, each with its own")
        yield Check("collector binary", Verdict.SKIPPED, f"the Collector is elsewhere, {plan.endpoints.collector.host}")
    else:
        yield check_data_folder(plan.data_dir)
        yield check_collector(plan.endpoints.collector)
    yield check_secret_files(plan.data_dir, _token_files(plan, settings))


def _of_instance(plan: Plan, reach: Reach, missing: set[str], *, synthetic: bool) -> Iterator[Check]:
    """What a running instance says of itself; what was not asked for is left out."""
    yield check_certificates(reach)
    if "clickhouse" not in missing:
        yield guarded("clickhouse query", _CLICKHOUSE, lambda: check_query(reach))
        yield guarded("versions", _CLICKHOUSE, lambda: check_versions(reach))
        yield guarded("schema", "sightglass migrate", lambda: check_schema(reach))
        yield guarded("clickhouse disk", _CLICKHOUSE, lambda: check_disks(reach))
    yield check_clocks(reach)
    if "collector" not in missing:
        yield guarded(
            "collector queue",
            "The Collector's own metrics are on its loopback, unless its configuration says otherwise as that of the "
            "containers does: look on its machine, at SIGHTGLASS_COLLECTOR_METRICS_PORT.",
            lambda: check_queue(reach),
        )
        if "clickhouse" not in missing:
            yield guarded("duplicates", _CLICKHOUSE, lambda: check_duplicates(reach))
    if "monitoring-api" not in missing:
        yield from _of_pipeline(reach)
    if "ml-api" not in missing:
        yield guarded("model", "See the check `ml-api`, and its log.", lambda: check_model(reach))
    if "worker" not in missing:
        worker = read_settings("SIGHTGLASS_WORKER_")
        yield check_outbox(worker.resolved_store_url())
        yield check_channels(
            worker.notifications_file,
            {**given_variables(), "SIGHTGLASS_DATA_DIR": str(plan.data_dir)},
            # Its heartbeat may be seen from another container, but not what listens on its loopback.
            worker_is_here=not reach.is_elsewhere and (plan.data_dir / "run" / "worker.heartbeat").exists(),
        )
    if not synthetic:
        yield Check("synthetic prediction", Verdict.SKIPPED, "not asked for")
    elif not missing & {"collector", "clickhouse"}:
        yield check_synthetic(reach, {**_token_of_folder(plan), **plan.environment})


def _of_pipeline(reach: Reach) -> Iterator[Check]:
    """One question answers two checks, or fails the first."""
    health: dict[str, Any] = {}

    def look(judge: Callable[[dict[str, Any]], Check]) -> Check:
        if not health:
            health.update(pipeline_health(reach))
        return judge(health)

    yield guarded("pipeline", _API, lambda: look(check_pipeline))
    yield guarded("ingest lag", _API, lambda: look(check_lag))
    yield guarded("answer time", _API, lambda: check_answer_time(reach))


def _token_of_folder(plan: Plan) -> dict[str, str]:
    """The OTLP token of the data folder, for an instance of which the settings do not say that it asks for one."""
    path = plan.data_dir / "secrets" / "otlp.token"
    return {OTLP_TOKEN_FILE_VARIABLE: str(path)} if path.exists() else {}


def _token_files(plan: Plan, settings: SupervisorSettings) -> list[Any]:
    endpoints = plan.endpoints
    keys = [getattr(endpoints, name).tls_key_file for name in ("clickhouse", "ml_api", "monitoring_api", "dashboard")]
    return [
        *keys,
        settings.otlp_token_file,
        endpoints.ml_api.tokens_path(),
        endpoints.dashboard.api_token_file,
        endpoints.dashboard.oidc_file,
        endpoints.collector.ingest_token_file if "token" in endpoints.collector.overlays else None,
        endpoints.collector.tls_key_file if "tls" in endpoints.collector.overlays else None,
    ]
