"""Serves the yardstick as the dashboard is served: `python -m benchmarks.dashboard.yardstick PORT`."""

import sys
from pathlib import Path

from dashboard.server import serve
from dashboard.settings import DashboardSettings


def main() -> None:
    """Serve until told to stop."""
    serve(DashboardSettings(_env_file=None, port=int(sys.argv[1])), Path(__file__).with_name("yardstick_page.py"))


if __name__ == "__main__":
    main()
