"""The real processes of Sightglass as a plan for the supervisor."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.cli.collector import CollectorBinaryError, CollectorSettings, binary_path, command
from services.cli.settings import SupervisorSettings
from services.cli.supervisor.readiness import HeartbeatProbe, HttpProbe
from services.cli.supervisor.units import CommandLine, Port, Unit, only
from services.cli.supervisor.wiring import Endpoints, shared_environment, url_of
from sightglass.settings import SPOOL_DIR_VARIABLE

# Whoever sends telemetry starts after the Collector and stops before it, so that nothing is lost on either side.
_TELEMETRY = ("clickhouse", "collector")
_COMMANDS_TOKEN = "SIGHTGLASS_TOKEN"  # noqa: S105 - a name, not a token


@dataclass(frozen=True)
class Plan:
    """What to run, with which variables, and where ClickHouse is for whoever asks."""

    units: tuple[Unit, ...]
    environment: Mapping[str, str]
    endpoints: Endpoints
    data_dir: Path

    def limited_to(self, names: Sequence[str]) -> "Plan":
        """Keep the named processes and what they need; no names means all.

        Raises:
            PlanError: a name is unknown.
        """
        if not names:
            return self
        return Plan(tuple(only(self.units, names)), self.environment, self.endpoints, self.data_dir)

    def clickhouse(self) -> dict[str, str]:
        """Say how a person or a tool reads the data."""
        return {
            "url": self.endpoints.clickhouse_url,
            "reader_user": "reader",
            "reader_password_file": str(self.data_dir / "secrets" / "clickhouse-reader.password"),
        }


def make_plan(settings: SupervisorSettings, inherited: Mapping[str, str], given: Mapping[str, str]) -> Plan:
    """Plan the whole of Sightglass.

    Args:
        settings: the supervisor's.
        inherited: the environment that every process gets.
        given: the environment and `.env` together: what the user has set.

    Raises:
        pydantic.ValidationError: a variable has a value that its setting refuses.
    """
    data_dir = settings.data_dir.expanduser().resolve()
    endpoints = Endpoints.read(data_dir)
    # The library and OpenTelemetry read the environment only, so what `.env` says about them is put there.
    from_file = {name: value for name, value in given.items() if name.startswith(("SIGHTGLASS_", "OTEL_"))}
    environment = {**from_file, **inherited, **shared_environment(endpoints, data_dir, given)}
    environment.pop(_COMMANDS_TOKEN, None)  # a person's, and none of the processes' business
    built = _collector_is_built(endpoints.collector)
    trained = has_model(endpoints.ml_api.models_dir or data_dir / "models")
    collector_needs = ("migrate",) if built else ("migrate", "collector-build")
    units = (
        _clickhouse(endpoints, settings, _spool(environment, data_dir)),
        _migrate(settings),
        *(() if built else (_collector_build(settings),)),
        _collector(endpoints, settings, collector_needs),
        *(() if trained else (_model(settings),)),
        _api("ml-api", endpoints, _TELEMETRY if trained else (*_TELEMETRY, "model"), settings),
        _api("monitoring-api", endpoints, _TELEMETRY, settings),
        _background("worker", "services.monitoring_api.worker", settings, data_dir),
        _background("maintenance", "services.monitoring_api.maintenance", settings, data_dir),
        _dashboard(endpoints, settings),
    )
    return Plan(units, environment, endpoints, data_dir)


def has_model(models: Path) -> bool:
    """Whether some model is active, so that none has to be trained."""
    return any(models.glob("*/active.json"))


def _spool(environment: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """Where ClickHouse's own log records wait: it starts before the Collector, which may take long."""
    return {SPOOL_DIR_VARIABLE: environment.get(SPOOL_DIR_VARIABLE, "").strip() or str(data_dir / "spool")}


def _clickhouse(endpoints: Endpoints, settings: SupervisorSettings, environment: Mapping[str, str]) -> Unit:
    clickhouse = endpoints.clickhouse
    external = bool(endpoints.external_clickhouse_url)
    return Unit(
        name="clickhouse",
        command=_python("services.embedded_clickhouse", environment),
        probe=HttpProbe(f"{endpoints.clickhouse_url}/ping", body="Ok.", ca_file=endpoints.ca_file),
        ports=() if external else (Port(clickhouse.host, clickhouse.port, "SIGHTGLASS_CLICKHOUSE_PORT"),),
        url=endpoints.clickhouse_url,
        external=external,
        remedy=(
            "Check that SIGHTGLASS_CLICKHOUSE_URL names a ClickHouse server's HTTP port and that it runs."
            if external
            else "`sightglass doctor` checks the data folder, the disk and the port."
        ),
        ready_timeout_seconds=settings.ready_timeout_seconds,
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


def _migrate(settings: SupervisorSettings) -> Unit:
    return Unit(
        name="migrate",
        command=_verb("migrate"),
        needs=("clickhouse",),
        one_shot=True,
        remedy="`sightglass migrate --dry-run` shows which migration is due.",
        ready_timeout_seconds=settings.step_timeout_seconds,
    )


def _collector_build(settings: SupervisorSettings) -> Unit:
    return Unit(
        name="collector-build",
        command=_verb("collector", "build"),
        one_shot=True,
        remedy="Name a Collector that you have with SIGHTGLASS_COLLECTOR_BINARY, or mend what the build complains of.",
        ready_timeout_seconds=settings.step_timeout_seconds,
    )


def _collector(endpoints: Endpoints, settings: SupervisorSettings, needs: tuple[str, ...]) -> Unit:
    collector = endpoints.collector
    listens_to_itself = {"token", "tls"} & set(collector.overlays)
    itself = Port("127.0.0.1", collector.self_port, "SIGHTGLASS_COLLECTOR_SELF_PORT")
    return Unit(
        name="collector",
        command=partial(_collector_command, collector),
        needs=needs,
        probe=HttpProbe(f"{url_of(collector.host, collector.health_port)}/"),
        ports=(
            Port(collector.host, collector.http_port, "SIGHTGLASS_COLLECTOR_HTTP_PORT"),
            Port(collector.host, collector.grpc_port, "SIGHTGLASS_COLLECTOR_GRPC_PORT"),
            Port(collector.host, collector.health_port, "SIGHTGLASS_COLLECTOR_HEALTH_PORT"),
            Port("127.0.0.1", collector.metrics_port, "SIGHTGLASS_COLLECTOR_METRICS_PORT"),
            *((itself,) if listens_to_itself else ()),
        ),
        url=endpoints.otlp_url,
        remedy="`sightglass collector validate` checks its configuration.",
        ready_timeout_seconds=settings.ready_timeout_seconds,
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


def _collector_command(settings: CollectorSettings) -> CommandLine:
    """Resolve the binary at each start; a fresh instance id comes with it."""
    arguments, environment = command(settings, binary_path(settings.binary, build_missing=False), environ={})
    return CommandLine(tuple(arguments), environment)


def _collector_is_built(settings: CollectorSettings) -> bool:
    if settings.binary is not None:
        return True  # a wrong path is reported when the Collector starts
    try:
        binary_path(build_missing=False)
    except CollectorBinaryError:
        return False
    return True


def _model(settings: SupervisorSettings) -> Unit:
    return Unit(
        name="model",
        command=_verb("models", "train"),
        one_shot=True,
        remedy="`sightglass models train` shows the whole of it.",
        ready_timeout_seconds=settings.step_timeout_seconds,
    )


def _api(name: str, endpoints: Endpoints, needs: tuple[str, ...], settings: SupervisorSettings) -> Unit:
    package = name.replace("-", "_")
    listener, url = getattr(endpoints, package), getattr(endpoints, f"{package}_url")
    return Unit(
        name=name,
        command=_python(f"services.{package}"),
        needs=needs,
        probe=HttpProbe(f"{url}/readyz", ca_file=endpoints.ca_file),
        ports=(Port(listener.host, listener.port, f"SIGHTGLASS_{package.upper()}_PORT"),),
        url=url,
        remedy="`sightglass doctor` checks what it depends on.",
        ready_timeout_seconds=settings.ready_timeout_seconds,
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


def _background(name: str, module: str, settings: SupervisorSettings, data_dir: Path) -> Unit:
    return Unit(
        name=name,
        command=_python(module),
        needs=_TELEMETRY,
        probe=HeartbeatProbe(data_dir / "run" / f"{name}.heartbeat"),
        remedy="`sightglass doctor` checks what it depends on.",
        ready_timeout_seconds=settings.ready_timeout_seconds,
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


def _dashboard(endpoints: Endpoints, settings: SupervisorSettings) -> Unit:
    dashboard = endpoints.dashboard
    return Unit(
        name="dashboard",
        command=_python("dashboard"),
        needs=("monitoring-api",),
        probe=HttpProbe(f"{endpoints.dashboard_url}/_stcore/health", ca_file=endpoints.ca_file),
        ports=(Port(dashboard.host, dashboard.port, "SIGHTGLASS_DASHBOARD_PORT"),),
        url=endpoints.dashboard_url,
        remedy="`sightglass doctor` checks what it depends on.",
        ready_timeout_seconds=settings.ready_timeout_seconds,
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


def _python(module: str, environment: Mapping[str, str] | None = None) -> Callable[[], CommandLine]:
    line = CommandLine((sys.executable, "-m", module), environment or {})
    return lambda: line


def _verb(*words: str) -> Callable[[], CommandLine]:
    line = CommandLine((sys.executable, "-m", "services.cli", *words))
    return lambda: line
