"""What a migration needs from ClickHouse, and clickhouse-connect giving it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.monitoring_api.database.password_file import PasswordFileError, read_password
from services.monitoring_api.migrate.errors import MigrationError
from services.monitoring_api.migrate.settings import MigrateSettings
from services.web.certificates import is_untrusted


class Database(Protocol):
    """Runs statements one after the other."""

    def execute(self, sql: str) -> None:
        """Runs a statement that returns nothing.

        Raises:
            DatabaseError: ClickHouse refused it.
        """

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Runs a question with parameters bound on the server (`{name:Type}`)."""


class DatabaseError(MigrationError):
    """ClickHouse refused a statement or could not be reached."""


class ConnectDatabase:
    """A ClickHouse over HTTP."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def execute(self, sql: str) -> None:
        """Runs a statement that returns nothing."""
        try:
            self._client.command(sql)
        except ClickHouseError as error:
            raise DatabaseError(str(error)) from error

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Runs a question with parameters bound on the server."""
        try:
            result: Sequence[Sequence[Any]] = self._client.query(sql, parameters=dict(parameters or {})).result_rows
        except ClickHouseError as error:
            raise DatabaseError(str(error)) from error
        return result

    def close(self) -> None:
        """Releases the connection."""
        self._client.close()


def connect(settings: MigrateSettings) -> ConnectDatabase:
    """Connects as the migrator.

    Raises:
        DatabaseError: ClickHouse cannot be reached or refuses the user, or there is no password to show it.
    """
    url = urlsplit(settings.clickhouse_url)
    password_file = settings.password_file
    try:
        password = read_password(password_file)
    except PasswordFileError as error:
        raise DatabaseError(str(error)) from None
    try:
        client = clickhouse_connect.get_client(
            host=url.hostname or "127.0.0.1",
            port=url.port or (8443 if url.scheme == "https" else 8123),
            interface=url.scheme or "http",
            username=settings.clickhouse_user,
            password=password,
            database="__default__",
            autogenerate_session_id=False,
            connect_timeout=10,
            send_receive_timeout=settings.timeout_seconds,
            client_name="sightglass-migrate",
            ca_cert=None if settings.tls_ca_file is None else str(settings.tls_ca_file),
        )
    except ClickHouseError as error:
        if is_untrusted(error):
            raise DatabaseError(
                f"The certificate of ClickHouse at {settings.clickhouse_url} is not trusted; SIGHTGLASS_TLS_CA_FILE "
                "names the authorities that are."
            ) from None
        raise DatabaseError(
            f"ClickHouse at {settings.clickhouse_url} cannot be used as {settings.clickhouse_user} "
            f"(password from {password_file}): {error}"
        ) from error
    return ConnectDatabase(client)
