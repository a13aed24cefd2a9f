"""The process: claims the folder and the port, starts the engine, serves until it is told to stop."""

import asyncio
import fcntl
import logging
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from opentelemetry.trace import Tracer

from services.embedded_clickhouse.accounts import PasswordFileError
from services.embedded_clickhouse.answer import BrokenAnswerError
from services.embedded_clickhouse.application import create_app
from services.embedded_clickhouse.parts import Parts, make_parts
from services.embedded_clickhouse.settings import ClickHouseSettings

_LOG = logging.getLogger(__name__)
_AFTER_KILL_SECONDS = 2
_LISTEN_BACKLOG = 512


class CannotStartError(Exception):
    """The process cannot start; the text is for the person who started it."""


@contextmanager
def folder_claimed(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process alone.

    Raises:
        CannotStartError: where another process has it.
    """
    folder = data_dir / "clickhouse"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    data_dir.chmod(0o700)
    path = data_dir / "run" / "clickhouse.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise CannotStartError(
                f"The data folder {folder} belongs to another running ClickHouse (process {owner}). Stop that one, or "
                "set SIGHTGLASS_DATA_DIR to another folder."
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def bound_socket(host: str, port: int) -> socket.socket:
    """Take the port before the engine starts, so that a taken one is told at once.

    Raises:
        CannotStartError: where it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotStartError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Stop what uses the port, or set "
            "SIGHTGLASS_CLICKHOUSE_PORT to another."
        ) from None
    return listener


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Say what is wrong with a certificate before anything is started.

    Raises:
        CannotStartError: where a file can't be read, or the two do not belong together.
    """
    if certificate is None or key is None:
        return
    for file, name in ((certificate, "CERT"), (key, "KEY")):
        try:
            file.read_bytes()
        except OSError as error:
            raise CannotStartError(
                f"SIGHTGLASS_CLICKHOUSE_TLS_{name}_FILE={file} can't be read: {error.strerror}."
            ) from None
    try:
        # An encrypted key would ask for its password on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise CannotStartError(
            f"SIGHTGLASS_CLICKHOUSE_TLS_CERT_FILE={certificate} and SIGHTGLASS_CLICKHOUSE_TLS_KEY_FILE={key} are not a "
            f"PEM certificate and its unencrypted key: {getattr(error, 'reason', None) or error}."
        ) from None


class _Server(uvicorn.Server):
    """Kills the statements that still run when the time for them to end is over."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        async def kill_late() -> None:
            await asyncio.sleep(self._parts.settings.stop_seconds)
            for statement in self._parts.running.all():
                await self._parts.threads.call(self._parts.running.kill, statement)

        late = asyncio.create_task(kill_late())
        try:
            await super().shutdown(sockets)
        finally:
            late.cancel()


class _NoBrokenAnswers(logging.Filter):
    """A cut answer was told to the client and stands in the query log: it needs no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], BrokenAnswerError))


def serve(settings: ClickHouseSettings, tracer: Tracer | None = None) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: the process's settings.
        tracer: where the spans of the reader's queries go.

    Raises:
        CannotStartError: where the folder or the port is taken, or the certificate or a password is of no use.
    """
    check_certificate(settings.tls_cert_file, settings.tls_key_file)
    with folder_claimed(settings.data_dir):
        listener = bound_socket(settings.host, settings.port)
        try:
            parts = make_parts(settings, tracer)
        except PasswordFileError as error:
            raise CannotStartError(str(error)) from None
        except RuntimeError as error:
            raise CannotStartError(
                f"The engine cannot open {settings.data_dir / 'clickhouse'}: {error}. Another program may own it."
            ) from error
        logging.getLogger("uvicorn.error").addFilter(_NoBrokenAnswers())
        config = uvicorn.Config(
            create_app(parts),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            backlog=_LISTEN_BACKLOG,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(settings.stop_seconds) + _AFTER_KILL_SECONDS,
            ssl_certfile=settings.tls_cert_file,
            ssl_keyfile=settings.tls_key_file,
        )
        # uvicorn raises the signal again once it has stopped; a stop that was asked for is no failure.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _LOG.info("ClickHouse %s listens on %s:%d", parts.engine.version, settings.host, settings.port)
        try:
            _Server(config, parts).run(sockets=[listener])
        finally:
            parts.close()
