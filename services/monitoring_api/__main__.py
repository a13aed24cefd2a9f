"""Runs the monitoring API: ``python -m services.monitoring_api``."""

from services.monitoring_api.app import SERVICE_NAME, create_app
from services.monitoring_api.garbage import look_seldom
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.server import serve
from sightglass import configure_logging, instrument
from sightglass.process_settings import read_settings


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings(MonitoringApiSettings)
    configure_logging(SERVICE_NAME)
    app = create_app(settings)
    instrument(app, service_name=SERVICE_NAME, excluded_urls="healthz,readyz")
    look_seldom()
    serve(app, settings)


if __name__ == "__main__":
    main()
