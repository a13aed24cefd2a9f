"""Where the parts of an instance answer, and how they are asked."""

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.cli.api_client import api_client
from services.cli.supervisor.plan import Plan
from services.cli.supervisor.wiring import url_of

_TIMEOUT_SECONDS = 7.0
_VARIABLES = {
    "ml-api": "SIGHTGLASS_MONITORING_API_ML_API_URL",
    "monitoring-api": "SIGHTGLASS_DASHBOARD_API_URL",
    "dashboard": "SIGHTGLASS_WORKER_DASHBOARD_URL",
    "clickhouse": "SIGHTGLASS_MONITORING_API_CLICKHOUSE_URL",
    "collector": "OTEL_EXPORTER_OTLP_ENDPOINT",
}


class AskError(Exception):
    """A part did not give an answer that can be used; the text says why, for people."""


class DeniedError(AskError):
    """An API asks for a token, or for a better one."""


class MissingError(AskError):
    """An API answers that there is no such thing."""


@dataclass(frozen=True)
class Reader:
    """How ClickHouse is read.

    Attributes:
        user: its user.
        password_file: the file with the user's password.
        database: the database of our tables.
    """

    user: str
    password_file: Path
    database: str


@dataclass(frozen=True)
class Reach:
    """The parts of one instance.

    Attributes:
        urls: base URLs, by the names of `sightglass status`.
        health_url: the Collector's health check.
        metrics_url: the Collector's own metrics.
        reader: how ClickHouse is read.
        token: shown to the APIs.
    """

    urls: Mapping[str, str]
    health_url: str
    metrics_url: str
    reader: Reader
    ca_file: Path | None = None
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, plan: Plan, report: Mapping[str, Any], reader: Any, token: str | None) -> "Reach":
        """Take the URLs of what runs here as recorded, and else as the settings say.

        Args:
            plan: the plan that follows from the settings.
            report: what `sightglass status` reports.
            reader: settings of the monitoring API, which reads ClickHouse.
            token: shown to the APIs.
        """
        said = {name: plan.environment[variable].rstrip("/") for name, variable in _VARIABLES.items()}
        recorded = {}
        if report["supervisor"]["pid"] is not None:
            recorded = {entry["name"]: entry["url"] for entry in report["processes"] if entry["url"]}
        collector = plan.endpoints.collector
        chosen = "clickhouse_database" in reader.model_fields_set
        # A password's place follows from the data folder, which may be given to a command in another way.
        default = plan.data_dir / "secrets" / f"clickhouse-{reader.clickhouse_user}.password"
        return cls(
            urls={**said, **recorded},
            health_url=url_of(collector.host, collector.health_port),
            metrics_url=f"{url_of(_of_metrics(collector.host), collector.metrics_port)}/metrics",
            reader=Reader(
                reader.clickhouse_user,
                reader.clickhouse_password_file or default,
                reader.clickhouse_database if chosen else plan.endpoints.clickhouse.database,
            ),
            ca_file=plan.endpoints.ca_file,
            token=token,
        )

    @property
    def is_elsewhere(self) -> bool:
        """Whether every process of ours is on other machines, or in other containers: nothing is started here."""
        return not any(is_here(_host_of(url)) for name, url in self.urls.items() if name != "clickhouse")

    def trusted(self) -> ssl.SSLContext:
        """What vouches for https URLs."""
        return ssl.create_default_context(cafile=self.ca_file)

    def client(self) -> httpx.Client:
        """A client that asks as this instance's clients do; it shows no token by itself."""
        return api_client("", ca_file=self.ca_file, token=None, timeout_seconds=_TIMEOUT_SECONDS)

    def get(self, name: str, path: str) -> httpx.Response:
        """GET a path of an API, with the token.

        Raises:
            AskError: it does not answer, or with an error.
            DeniedError: it asks for a token.
            MissingError: it answers 404.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.fetch(f"{self.urls[name]}{path}", headers)
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise DeniedError(f"{self.urls[name]} answers {answer.status_code}: {_detail(answer)}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise MissingError(f"{self.urls[name]}{path} answers 404: {_detail(answer)}")
        if not answer.is_success:
            raise AskError(f"{self.urls[name]}{path} answers {answer.status_code}: {_detail(answer)}")
        return answer

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """GET a URL.

        Raises:
            AskError: nothing answers there.
        """
        try:
            with self.client() as client:
                return client.get(url, headers=dict(headers or {}))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AskError(f"{url}: {error or type(error).__name__}") from None

    def rows(self, sql: str) -> list[list[Any]]:
        """Ask ClickHouse as the reader.

        Raises:
            AskError: it does not answer, or with an error.
        """
        try:
            password = self.reader.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise AskError(f"{self.reader.password_file}: {error.strerror}") from None
        url = self.urls["clickhouse"]
        try:
            with self.client() as client:
                answer = client.post(
                    url,
                    params={"database": self.reader.database},
                    content=f"{sql} FORMAT JSONCompact",
                    headers={"X-ClickHouse-User": self.reader.user, "X-ClickHouse-Key": password},
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AskError(f"{url}: {error or type(error).__name__}") from None
        if not answer.is_success:
            raise AskError(f"{url} answers {answer.status_code}: {answer.text.strip()[:200]}")
        try:
            data: list[list[Any]] = answer.json()["data"]
        except (ValueError, KeyError):
            raise AskError(f"{url} answers something that is not ClickHouse's") from None
        return data


def is_here(host: str) -> bool:
    """Whether a listener on this host is on this machine; of names only `localhost` is."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host in {"", "localhost"}
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - IP's own numbers
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _of_metrics(host: str) -> str:
    """The Collector's own metrics are on its loopback; one that is elsewhere has to serve them to be asked."""
    return "127.0.0.1" if is_here(host) else host


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return answer.text.strip()[:200]
