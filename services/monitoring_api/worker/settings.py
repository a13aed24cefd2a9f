"""Settings of the alert worker."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from services.monitoring_api.database.client_settings import ClickHousePoolSettings
from services.monitoring_api.notify.resolver import Allowed
from services.web.readable_file import secret_file

_DEFAULTS = Path(__file__).resolve().parents[3] / "deploy" / "alerting"


class WorkerSettings(ClickHousePoolSettings):
    """The alert worker, from environment variables ``SIGHTGLASS_WORKER_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_WORKER_")

    deadline_seconds: float = Field(
        default=10.0, gt=0, le=600, description="Longest wait for the answer to one rule's question."
    )
    store_url: str | None = Field(
        default=None,
        description="Where states and notifications are kept: a SQLAlchemy URL, like "
        "postgresql://USER@HOST/DATABASE?password_file=FILE; by default worker/alerts.sqlite in the data folder.",
    )
    lease_seconds: float = Field(
        default=10.0,
        ge=3,
        le=600,
        description="Of several workers on one PostgreSQL store, one evaluates and sends; so long after its last sign "
        "another takes over.",
    )
    rules_file: Path = Field(default=_DEFAULTS / "rules.yaml", description="The alert rules; read again on change.")
    notifications_file: Path = Field(
        default=_DEFAULTS / "notifications.yaml", description="The channels and routes; read again on change."
    )
    mail_host: str = Field(
        default="127.0.0.1",
        description="Where channels of type demo-mail are reached. With a name beyond loopback, as that of its "
        "container, the worker takes their mails at every address.",
    )
    interval_seconds: float = Field(
        default=15.0, ge=1, le=86_400, description="Time between two looks at a group of rules that names none."
    )
    evaluation_delay_seconds: float = Field(
        default=5.0, ge=0, le=3_600, description="How far behind the clock windows end, so that data can arrive."
    )
    replay_seconds: float = Field(
        default=86_400.0,
        ge=0,
        le=2_592_000,
        description="After an outage, how far back missed looks are made up for, in order and with their own time.",
    )
    reload_seconds: float = Field(
        default=2.0, gt=0, le=3_600, description="How often the files are looked at for changes, in seconds."
    )
    heartbeat_seconds: float = Field(
        default=2.0, gt=0, le=5, description="How often a sign of life is written, in seconds."
    )
    heartbeat_url: SecretStr | None = Field(
        default=None,
        description="A service that calls people when signs of life stay away (a dead man's switch); it is sent a POST "
        "while rules are evaluated in time.",
    )
    heartbeat_url_file: Path | None = Field(
        default=None, description="File with that URL; it goes before the variable."
    )
    heartbeat_url_seconds: float = Field(
        default=60.0, ge=1, le=86_400, description="How often that sign of life is sent, in seconds."
    )
    heartbeat_allow: tuple[str, ...] = Field(
        default=(), description="Host names and networks inside of your own that it may be sent to."
    )
    datasource_down_seconds: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="So long no question of any rule must be answered before the alert DatasourceDown fires.",
    )
    retry_initial_seconds: float = Field(
        default=1.0, gt=0, le=3_600, description="Delay after a first failed delivery; it doubles from there."
    )
    retry_maximum_seconds: float = Field(
        default=300.0, gt=0, le=3_600, description="Longest delay between two attempts at a delivery."
    )
    give_up_after_seconds: float = Field(
        default=259_200.0, gt=0, description="Age at which an undeliverable notification is given up; three days."
    )
    history_retention_days: float = Field(
        default=400.0, gt=0, description="How long finished notifications and alert events are kept, in days."
    )
    dashboard_url: str = Field(default="http://127.0.0.1:8501", description="Where links in notifications lead.")

    _heartbeat_url_is_there = field_validator("heartbeat_url_file")(secret_file)

    @field_validator("heartbeat_allow")
    @classmethod
    def _names_targets(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        Allowed.of(entries)
        return entries

    def resolved_heartbeat_url(self) -> SecretStr | None:
        """Where the sign of life goes; None when nowhere."""
        if self.heartbeat_url_file is not None:
            return SecretStr(self.heartbeat_url_file.read_text(encoding="utf-8").strip())
        return self.heartbeat_url

    def resolved_store_url(self) -> str:
        """Where states and notifications are kept."""
        return self.store_url or f"sqlite:///{self.data_dir.absolute() / 'worker' / 'alerts.sqlite'}"
