"""How the processes find each other: what follows from where each one listens, as variables for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.settings_catalogue import read_settings
from services.cli.supervisor.entity_salt import entity_salt

_CLICKHOUSE_CLIENTS = ("MONITORING_API", "WORKER", "MAINTENANCE", "MIGRATE")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


@dataclass(frozen=True)
class Endpoints:
    """Where each process listens, and where its neighbours find it.

    Attributes:
        clickhouse: settings of the embedded engine.
        collector: settings of the Collector, with the data folder and ClickHouse filled in.
        ml_api: settings of the ML API; likewise the following.
        external_clickhouse_url: a server to use instead of the embedded engine; empty when there is none.
    """

    clickhouse: Any
    collector: Any
    ml_api: Any
    monitoring_api: Any
    dashboard: Any
    external_clickhouse_url: str = ""

    @classmethod
    def read(
        cls, data_dir: Path, external_clickhouse_url: str | None = None, read: Callable[[str], Any] = read_settings
    ) -> "Endpoints":
        """Read each process's own settings, so that a port moved by its variable moves for all.

        Args:
            data_dir: the data folder, as an absolute path.
            external_clickhouse_url: a server to use instead of the embedded engine; None: as the settings say.
            read: gives the settings whose variables have a prefix.

        Raises:
            pydantic.ValidationError: a variable has a value that its setting refuses.
        """
        if external_clickhouse_url is None:
            external_clickhouse_url = str(read("SIGHTGLASS_SUPERVISOR_").clickhouse_url)
        clickhouse, collector = read("SIGHTGLASS_CLICKHOUSE_"), read("SIGHTGLASS_COLLECTOR_")
        moved: dict[str, Any] = {"data_dir": data_dir}
        if "clickhouse_endpoint" not in collector.model_fields_set:
            moved["clickhouse_endpoint"] = external_clickhouse_url or url_of(clickhouse.host, clickhouse.port)
        if "clickhouse_database" not in collector.model_fields_set:
            moved["clickhouse_database"] = clickhouse.database
        return cls(
            clickhouse=clickhouse,
            collector=collector.model_copy(update=moved),
            ml_api=read("SIGHTGLASS_ML_API_"),
            monitoring_api=read("SIGHTGLASS_MONITORING_API_"),
            dashboard=read("SIGHTGLASS_DASHBOARD_"),
            external_clickhouse_url=external_clickhouse_url.rstrip("/"),
        )

    @property
    def clickhouse_url(self) -> str:
        """Where ClickHouse answers HTTP, embedded or not."""
        return self.external_clickhouse_url or url_of(self.clickhouse.host, self.clickhouse.port)

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
        **{f"SIGHTGLASS_{client}_CLICKHOUSE_DATABASE": endpoints.clickhouse.database for client in _CLICKHOUSE_CLIENTS},
        "SIGHTGLASS_DASHBOARD_API_URL": endpoints.monitoring_api_url,
        "SIGHTGLASS_ML_API_MONITORING_API_URL": endpoints.monitoring_api_url,
        "SIGHTGLASS_ML_API_DASHBOARD_URL": endpoints.dashboard_url,
        "SIGHTGLASS_MONITORING_API_ML_API_URL": endpoints.ml_api_url,
        "SIGHTGLASS_MONITORING_API_DASHBOARD_URL": endpoints.dashboard_url,
        "SIGHTGLASS_WORKER_DASHBOARD_URL": endpoints.dashboard_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoints.otlp_url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "SIGHTGLASS_ENTITY_SALT": entity_salt(data_dir),
        "PYTHONUNBUFFERED": "1",  # a crashing process's last words must reach its log
    }
    kept = {name: value for name, value in derived.items() if name not in given}
    return {**kept, "SIGHTGLASS_DATA_DIR": str(data_dir)}
