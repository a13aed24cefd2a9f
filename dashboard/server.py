"""Streamlit behind the dashboard's own edge, under uvicorn, in this process."""

import signal
from pathlib import Path
from typing import Final

import uvicorn
from streamlit.starlette import App
from streamlit.web import bootstrap

from dashboard.content_policy import content_policy, streamlit_page
from dashboard.edge import Edge
from dashboard.server_options import server_options
from dashboard.settings import DashboardSettings
from sightglass.host_names import HostNames

_SCRIPT: Final = Path(__file__).with_name("app.py")
_GRACEFUL_STOP_SECONDS: Final = 4
_PING_SECONDS: Final = 30  # Streamlit's own: a proxy does not take an open page for an idle connection


def serve(settings: DashboardSettings, script: Path = _SCRIPT) -> None:
    """Serve until SIGTERM or SIGINT, then return, so that what is left to do (telemetry) is done.

    Args:
        settings: Where to listen, with which certificate, and by which names.
        script: What Streamlit runs for each look at a page.
    """
    bootstrap.load_config_options(server_options(settings))
    edge = Edge(
        App(script),
        hosts=HostNames(settings.allowed_hosts),
        content_policy=content_policy(streamlit_page()),
        tls=settings.tls_cert_file is not None,
    )
    # uvicorn ends the application and then raises the signal again, which would end the process too early.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: None)
    uvicorn.run(
        edge,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GRACEFUL_STOP_SECONDS,
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
    )
