"""`python -m dashboard`: serve the dashboard until SIGTERM or SIGINT."""

import logging
import sys

import sightglass
from dashboard.refused_start import StartRefusedError
from dashboard.server import serve
from dashboard.settings import DashboardSettings
from dashboard.start_check import check_start
from sightglass.process_settings import read_settings


def main() -> None:
    """Start telemetry, then Streamlit in this process, so that a signal reaches both and telemetry is flushed last."""
    settings = read_settings(DashboardSettings)
    try:
        check_start(settings)
    except StartRefusedError as refusal:
        sys.exit(f"The dashboard does not start. {refusal}")
    sightglass.configure_logging("dashboard")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request, with what people asked for
    with sightglass.start("dashboard"):
        serve(settings)


if __name__ == "__main__":
    main()
