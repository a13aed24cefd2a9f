"""`python -m dashboard`: serve the dashboard until SIGTERM or SIGINT."""

import logging
import sys
from pathlib import Path

from streamlit.web import bootstrap

import sightglass
from dashboard.refused_start import StartRefusedError
from dashboard.server_options import server_options
from dashboard.settings import DashboardSettings
from dashboard.start_check import check_start
from sightglass.process_settings import read_settings

APP = Path(__file__).with_name("app.py")


def main() -> None:
    """Start telemetry, then Streamlit in this process, so that a signal reaches both and telemetry is flushed last."""
    settings = read_settings(DashboardSettings)
    try:
        check_start(settings)
    except StartRefusedError as refusal:
        sys.exit(f"The dashboard does not start. {refusal}")
    options = server_options(settings)
    sightglass.configure_logging("dashboard")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request, with what people asked for
    with sightglass.start("dashboard"):
        bootstrap.load_config_options(options)
        bootstrap.run(str(APP), is_hello=False, args=[], flag_options=options)


if __name__ == "__main__":
    main()
