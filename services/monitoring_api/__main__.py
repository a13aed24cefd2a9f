"""Runs the monitoring API: ``python -m services.monitoring_api``."""

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.server import serve
from sightglass import configure_logging, instrument

_SERVICE = "monitoring-api"


def main() -> None:
    """Serve until told to stop."""
    settings = MonitoringApiSettings()
    configure_logging(_SERVICE)
    app = create_app(settings)
    instrument(app, service_name=_SERVICE, excluded_urls="healthz,readyz")
    serve(app, host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
