"""How the processes find each other: what follows from where each one listens, as variables for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.settings_catalogue import read_settings
from services.cli.supervisor.entity_salt import salt_variable

TOKEN_OVERLAY = "token"  # noqa: S105 - a name, not a token
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
        ca_file: certificates of the authorities that may vouch for all of them; None: the system's.
    """

    clickhouse: Any
    collector: Any
    ml_api: Any
    monitoring_api: Any
    dashboard: Any
    external_clickhouse_url: str = ""
    ca_file: Path | None = None

    @classmethod
    def read(cls, data_dir: Path, read: Callable[[str], Any] = read_settings) -> "Endpoints":
        """Read each process's own settings, so that a port moved by its variable moves for all.

        Args:
            data_dir: the data folder, as an absolute path.
            read: gives the settings whose variables have a prefix.

        Raises:
            pydantic.ValidationError: a variable has a value that its setting refuses.
        """
        supervisor = read("SIGHTGLASS_SUPERVISOR_")
        external = supervisor.clickhouse_url.rstrip("/")
        ca_file = supervisor.tls_ca_file.absolute() if supervisor.tls_ca_file else None
        clickhouse, collector = read("SIGHTGLASS_CLICKHOUSE_"), read("SIGHTGLASS_COLLECTOR_")
        wired: dict[str, Any] = {
            "clickhouse_endpoint": external or _url_of(clickhouse),
            "clickhouse_database": clickhouse.database,
        }
        if ca_file and collector.model_copy(update=_unset(wired, collector)).clickhouse_endpoint.startswith("https:"):
            wired["clickhouse_ca_file"] = ca_file  # the exporter takes any such file for a wish for TLS
        if not external and "production" in collector.overlays:
            wired["clickhouse_compress"] = "gzip"  # of what that overlay could use, the embedded engine takes this
        if "otlp_token_file" in supervisor.model_fields_set:
            wired["token_file"] = supervisor.otlp_token_file
        return cls(
            clickhouse=clickhouse,
            collector=collector.model_copy(update={"data_dir": data_dir, **_unset(wired, collector)}),
            ml_api=read("SIGHTGLASS_ML_API_"),
            monitoring_api=read("SIGHTGLASS_MONITORING_API_"),
            dashboard=read("SIGHTGLASS_DASHBOARD_"),
            external_clickhouse_url=external,
            ca_file=ca_file,
        )

    @property
    def clickhouse_url(self) -> str:
        """Where ClickHouse answers HTTP, embedded or not."""
        return self.external_clickhouse_url or _url_of(self.clickhouse)

    @property
    def otlp_url(self) -> str:
        """Where the Collector takes OTLP over HTTP."""
        return url_of(self.collector.host, self.collector.http_port, tls="tls" in self.collector.overlays)

    @property
    def ml_api_url(self) -> str:
        """The ML API's base URL."""
        return _url_of(self.ml_api)

    @property
    def monitoring_api_url(self) -> str:
        """The monitoring API's base URL."""
        return _url_of(self.monitoring_api)

    @property
    def dashboard_url(self) -> str:
        """The dashboard's base URL."""
        return _url_of(self.dashboard)


def url_of(host: str, port: int, *, tls: bool = False) -> str:
    """Give the URL by which a neighbour on this machine reaches a listener."""
    reachable = _EVERYWHERE.get(host, host)
    scheme = "https" if tls else "http"
    return f"{scheme}://[{reachable}]:{port}" if ":" in reachable else f"{scheme}://{reachable}:{port}"


def derived_variables(endpoints: Endpoints, data_dir: Path) -> dict[str, str]:
    """Derive the variables by which every process finds the others, but for secrets.

    Args:
        endpoints: where each listens.
        data_dir: the data folder; handed on as an absolute path, for a child may work elsewhere.
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
        "SIGHTGLASS_DATA_DIR": str(data_dir),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoints.otlp_url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    if endpoints.ca_file:
        derived["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(endpoints.ca_file)
    if TOKEN_OVERLAY in endpoints.collector.overlays:
        derived["SIGHTGLASS_OTLP_TOKEN_FILE"] = str(endpoints.collector.ingest_token_file)
    return derived


def shared_environment(endpoints: Endpoints, data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Give the derived variables that every process gets.

    Args:
        endpoints: where each listens.
        data_dir: the data folder.
        given: what the user has set (environment and `.env`): never overruled, but for the data folder.
    """
    derived = {
        **derived_variables(endpoints, data_dir),
        **salt_variable(data_dir, given),
        "PYTHONUNBUFFERED": "1",  # a crashing process's last words must reach its log
    }
    kept = {name: value for name, value in derived.items() if name not in given}
    return {**kept, "SIGHTGLASS_DATA_DIR": str(data_dir)}


def _url_of(listener: Any) -> str:
    return url_of(listener.host, listener.port, tls=listener.tls_cert_file is not None)


def _unset(wired: Mapping[str, Any], settings: Any) -> dict[str, Any]:
    """What follows from others of what nobody has set."""
    return {name: value for name, value in wired.items() if name not in settings.model_fields_set}
