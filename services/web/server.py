"""Running an application under uvicorn so that it stops cleanly."""

import logging
import math
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

import uvicorn

from services.web.hosts import HostRule

GRACEFUL_STOP_SECONDS: Final = 4.0


def serve(
    app_or_factory: str | Callable[..., Any],
    *,
    host: str,
    port: int,
    workers: int = 1,
    grace_seconds: float = GRACEFUL_STOP_SECONDS,
) -> None:
    """Serve until SIGTERM or SIGINT, then end the process with code 0 once the lifespan is over.

    Args:
        app_or_factory: ``"package.module:factory"`` (needed for more than one worker), or an ASGI application.
        host: Address to listen on.
        port: Port to listen on.
        workers: Processes that share the port.
        grace_seconds: How long requests under way may still take once it is told to stop.

    Raises:
        SystemExit: With a message, when `host` is not a loopback address.
    """
    if not HostRule().admits(f"[{host}]" if ":" in host else host):
        # Without tokens whoever reaches the port may do everything.
        sys.exit(f"Refused to listen on {host}: there is no authentication, so only loopback addresses are served.")
    # uvicorn ends the application's lifespan and then raises the signal again.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    uvicorn.run(
        app_or_factory,
        host=host,
        port=port,
        workers=workers,
        factory=isinstance(app_or_factory, str),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=math.ceil(grace_seconds),
    )


def _exit(_signal: int, _frame: Any) -> NoReturn:
    # The lifespan has closed everything and flushed telemetry. Exit handlers would flush once more, and wait once more
    # for a Collector that is not there.
    logging.shutdown()
    os._exit(0)
