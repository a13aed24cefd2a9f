"""`python -m dashboard`: serve the dashboard until SIGTERM or SIGINT."""

import logging
from pathlib import Path

from streamlit.web import bootstrap

import sightglass
from dashboard.server_options import server_options
from dashboard.settings import DashboardSettings

APP = Path(__file__).with_name("app.py")


def main() -> None:
    """Start telemetry, then Streamlit in this process, so that a signal reaches both and telemetry is flushed last."""
    options = server_options(DashboardSettings())
    sightglass.configure_logging("dashboard")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request, with what people asked for
    with sightglass.start("dashboard"):
        bootstrap.load_config_options(options)
        bootstrap.run(str(APP), is_hello=False, args=[], flag_options=options)


if __name__ == "__main__":
    main()
