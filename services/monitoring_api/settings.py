"""Settings of the monitoring API's HTTP process."""

from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.monitoring_api.database.client_settings import ClickHousePoolSettings
from services.monitoring_api.database.connection import Connection
from services.monitoring_api.queries.cache_place import CachePlace
from services.web.listener_settings import ListenerSettings
from services.web.plain_url import without_login
from services.web.readable_file import secret_file

_CACHE_LOGIN: Final = (
    "name the user by SIGHTGLASS_MONITORING_API_CACHE_USER, and the file with the password by "
    "SIGHTGLASS_MONITORING_API_CACHE_PASSWORD_FILE"
)
# The worker's file, by the worker's variable: both must see the same channels.
_NOTIFICATIONS: Final = Path(__file__).resolve().parents[2] / "deploy" / "alerting" / "notifications.yaml"
# The dashboard, which is one client with its one token, asks up to 8 questions at once.
_DEFAULT_CONCURRENCY: Final = 16


class MonitoringApiSettings(ListenerSettings, ClickHousePoolSettings):
    """The monitoring API, from environment variables ``SIGHTGLASS_MONITORING_API_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_MONITORING_API_")

    port: int = Field(default=8003, ge=1, le=65_535, description="Port to listen on.")
    max_body_bytes: int = Field(default=65_536, ge=0, description="Longest request body taken, in bytes.")
    pool_size: int = Field(default=6, ge=1, le=1000, description="Most questions to ClickHouse under way at once.")
    deadline_seconds: float = Field(
        default=5.0, gt=0, le=600, description="Longest wait for an answer, all questions to ClickHouse included."
    )
    exact_deadline_seconds: float = Field(
        default=30.0,
        gt=0,
        le=600,
        description="The same for answers that are computed from every row: exact performance and explanations.",
    )
    slow_query_seconds: float = Field(
        default=1.0,
        ge=0,
        description="A statement to ClickHouse that takes this long gets a line in the log, without anybody's values.",
    )
    cache_bytes: int = Field(
        default=67_108_864, ge=0, description="About how much memory finished parts of answers may take; 0 keeps none."
    )
    cache_url: str | None = Field(
        default=None,
        description="A Redis (`redis://host:port/number`, or `rediss://` by TLS) that keeps finished parts of answers "
        "for several processes of this API; by default each keeps its own in memory. When it is down, answers are made "
        "without it.",
    )
    cache_user: str | None = Field(default=None, min_length=1, description="User to log in to that Redis as.")
    cache_password_file: Path | None = Field(
        default=None, description="File with that user's password; by default there is no login."
    )
    cache_timeout_seconds: float = Field(
        default=0.25, gt=0, le=10, description="Longest wait for that Redis, each time an answer is made."
    )
    answer_seconds: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="How long a whole answer is given again to whoever asks the same; 0 asks each time.",
    )
    concurrency_limit: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="Most requests of one client, a token or else an address, under way at once; 0 for no limit. By "
        f"default none on loopback without trusted proxies, {_DEFAULT_CONCURRENCY} elsewhere.",
    )
    alert_store_url: str | None = Field(
        default=None,
        description="The alert worker's store: a SQLAlchemy URL, as the worker has it; by default worker/alerts.sqlite "
        "in the data folder.",
    )
    notifications_file: Path = Field(
        default=_NOTIFICATIONS,
        validation_alias=AliasChoices("SIGHTGLASS_WORKER_NOTIFICATIONS_FILE", "notifications_file"),
        description="The channels and routes; read again on change.",
    )
    ml_api_url: str = Field(
        default="http://127.0.0.1:8002",
        description="The ML API: promotions are forwarded to it, and the landing page links it.",
    )
    dashboard_url: str = Field(
        default="http://127.0.0.1:8501", description="Where the landing page finds the dashboard."
    )

    _cache_password_is_there = field_validator("cache_password_file")(secret_file)

    @field_validator("cache_url")
    @classmethod
    def _is_a_redis(cls, url: str | None) -> str | None:
        if url is not None:
            CachePlace.of(without_login(url, remedy=_CACHE_LOGIN))
        return url

    @model_validator(mode="after")
    def _cache_user_has_password(self) -> Self:
        if self.cache_user is not None and self.cache_password_file is None:
            raise ValueError(
                "SIGHTGLASS_MONITORING_API_CACHE_PASSWORD_FILE is missing: whom SIGHTGLASS_MONITORING_API_CACHE_USER "
                "names logs in with a password"
            )
        return self

    def connection(self, client_name: str) -> Connection:
        """Where ClickHouse is and how to log in, with patience for the slowest routes."""
        longest = max(self.deadline_seconds, self.exact_deadline_seconds)
        return replace(super().connection(client_name), longest_deadline_seconds=longest)

    def requests_at_once(self) -> int | None:
        """How many requests one client may have under way; None without limit."""
        return self.limit_of(self.concurrency_limit, _DEFAULT_CONCURRENCY)

    def cache_place(self) -> CachePlace | None:
        """The Redis that keeps finished parts of answers; None where memory does."""
        if self.cache_url is None:
            return None
        return CachePlace.of(
            self.cache_url,
            user=self.cache_user,
            password_file=self.cache_password_file,
            ca_file=self.tls_ca_file,
            timeout_seconds=self.cache_timeout_seconds,
        )

    def store_url(self) -> str:
        """The alert worker's store."""
        return self.alert_store_url or f"sqlite:///{self.data_dir.absolute() / 'worker' / 'alerts.sqlite'}"
