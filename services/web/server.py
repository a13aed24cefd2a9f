"""Running an application under uvicorn so that it stops cleanly."""

import logging
import math
import os
import signal
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import uvicorn

from services.web.access.token_file import TokenFile, TokenFileError, usable
from services.web.listener_settings import ListenerSettings, variable_of

GRACEFUL_STOP_SECONDS: Final = 4.0


def serve(
    app_or_factory: str | Callable[..., Any],
    settings: ListenerSettings,
    *,
    workers: int = 1,
    grace_seconds: float = GRACEFUL_STOP_SECONDS,
) -> None:
    """Serve until SIGTERM or SIGINT, then end the process with code 0 once the lifespan is over.

    Args:
        app_or_factory: ``"package.module:factory"`` (needed for more than one worker), or an ASGI application.
        settings: Where to listen, with which certificate, and whom to let in.
        workers: Processes that share the port.
        grace_seconds: How long requests under way may still take once it is told to stop.

    Raises:
        SystemExit: With a message, when whoever reaches the port could do everything, or the certificate can't be used.
    """
    check_tokens(settings, datetime.now(UTC))
    check_certificate(settings)
    # uvicorn ends the application's lifespan and then raises the signal again.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    uvicorn.run(
        app_or_factory,
        host=settings.host,
        port=settings.port,
        workers=workers,
        factory=isinstance(app_or_factory, str),
        log_config=None,
        access_log=False,
        server_header=False,
        # Never by uvicorn's own variable: whom to believe is our setting, and nobody by default.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ws="none",
        timeout_graceful_shutdown=math.ceil(grace_seconds),
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
        ssl_context_factory=_tls_context if settings.serves_tls() else None,
    )


def _exit(_signal: int, _frame: Any) -> NoReturn:
    # The lifespan has closed everything and flushed telemetry. Exit handlers would flush once more, and wait once more
    # for a Collector that is not there.
    logging.shutdown()
    os._exit(0)


def check_tokens(settings: ListenerSettings, now: datetime) -> None:
    """Make sure that nobody is let in by mistake: where tokens are asked for, they must be there to be checked.

    Raises:
        SystemExit: The tokens can't be read, or the listener is not on loopback and no token is usable.
    """
    if not settings.asks_for_token():
        return
    try:
        tokens = TokenFile(settings.tokens_path()).read()
    except TokenFileError as error:
        sys.exit(str(error))
    if not settings.on_loopback() and not usable(tokens, now):
        sys.exit(
            f"Refused to listen on {settings.host}: beyond loopback there is no access without a token, and "
            f"{settings.tokens_path()} (SIGHTGLASS_TOKENS_FILE) holds none that is usable. Make one with "
            "`sightglass tokens create NAME --role viewer`."
        )


def check_certificate(settings: ListenerSettings) -> None:
    """Make sure that the certificate and its key can be used, before workers fail over them one by one.

    Raises:
        SystemExit: They can't.
    """
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return
    certificate = f"{settings.tls_cert_file} ({variable_of(settings, 'TLS_CERT_FILE')})"
    key = f"{settings.tls_key_file} ({variable_of(settings, 'TLS_KEY_FILE')})"

    def no_password() -> NoReturn:
        # Without this OpenSSL would ask at the terminal.
        sys.exit(f"{key} is encrypted: store it plain, readable by this process alone.")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.tls_cert_file, settings.tls_key_file, password=no_password
        )
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        sys.exit(
            f"HTTPS can't be served with {certificate} and {key}: {reason}. Both must be PEM, and belong together."
        )


def _tls_context(_config: uvicorn.Config, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = make()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
