"""How the processes find each other: what follows from where each one listens, as variables for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.settings_catalogue import read_settings

_CLICKHOUSE_CLIENTS = ("MONITORING_API", "WORKER", "MAINTENANCE", "MIGRATE")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


@dataclass(frozen=True)
class Endpoints:
    """Where each process listens, and where its neighbours find it."""

    clickhouse: Any
    collector: Any
    ml_api: Any
    monitoring_api: Any
    dashboard: Any

    @classmethod
    def read(cls, data_dir: Path, read: Callable[[str], Any] = read_settings) -> "Endpoints":
        """Read each process's own settings, so that a port moved by its variable moves for all.

        Args:
            data_dir: the data folder, as an absolute path.
            read: gives the settings whose variables have a prefix.

        Raises:
            pydantic.ValidationError: a variable has a value that its setting refuses.
        """
        clickhouse, collector = read("SIGHTGLASS_CLICKHOUSE_"), read("SIGHTGLASS_COLLECTOR_")
        moved: dict[str, Any] = {"data_dir": data_dir}
        if "clickhouse_endpoint" not in collector.model_fields_set:
            moved["clickhouse_endpoint"] = clickhouse_url(clickhouse)
        return cls(
            clickhouse=clickhouse,
            collector=collector.model_copy(update=moved),
            ml_api=read("SIGHTGLASS_ML_API_"),
            monitoring_api=read("SIGHTGLASS_MONITORING_API_"),
            dashboard=read("SIGHTGLASS_DASHBOARD_"),
        )

    @property
    def clickhouse_is_external(self) -> bool:
        """Whether the user named a ClickHouse server, so that no embedded one is started."""
        return bool(self.clickhouse.url)

    @property
    def clickhouse_url(self) -> str:
        """Where ClickHouse answers HTTP."""
        return clickhouse_url(self.clickhouse)

    @property
    def otlp_url(self) -> str:
        """Where the Collector takes OTLP over HTTP."""
        return url_of(self.collector.host, self.collector.http_port)

    @property
    def ml_api_url(self) -> str:
        """The ML API's base URL."""
        return url_of(self.ml_api.host, self.ml_api.port)

    @property
    def monitoring_api_url(self) -> str:
        """The monitoring API's base URL."""
        return url_of(self.monitoring_api.host, self.monitoring_api.port)

    @property
    def dashboard_url(self) -> str:
        """The dashboard's base URL."""
        return url_of(self.dashboard.host, self.dashboard.port)


def clickhouse_url(settings: Any) -> str:
    """Where ClickHouse answers, embedded or not."""
    return str(settings.url).rstrip("/") if settings.url else url_of(settings.host, settings.port)


def url_of(host: str, port: int) -> str:
    """Give the URL by which a neighbour on this machine reaches a listener."""
    reachable = _EVERYWHERE.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def shared_environment(endpoints: Endpoints, data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Derive the variables by which every process finds the others.

    Args:
        endpoints: where each listens.
        data_dir: the data folder; handed on as an absolute path, for a child may work elsewhere.
        given: what the user has set (environment and `.env`): never overruled, but for the data folder.
    """
    derived = {
        **{f"SIGHTGLASS_{client}_CLICKHOUSE_URL": endpoints.clickhouse_url for client in _CLICKHOUSE_CLIENTS},
        "SIGHTGLASS_DASHBOARD_API_URL": endpoints.monitoring_api_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoints.otlp_url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "PYTHONUNBUFFERED": "1",  # a crashing process's last words must reach its log
    }
    kept = {name: value for name, value in derived.items() if name not in given}
    return {**kept, "SIGHTGLASS_DATA_DIR": str(data_dir)}
