"""A monitoring API with one more route, which returns constant bytes behind the same middleware.

python -m benchmarks.history.serving BYTES
"""

import sys

from fastapi import Response

from services.monitoring_api.app import SERVICE_NAME, create_app
from services.monitoring_api.garbage import look_seldom
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.server import serve
from sightglass import configure_logging, instrument
from sightglass.process_settings import read_settings

CONSTANT = "/api/v1/constant"


def main() -> None:
    """Serve until told to stop, as the monitoring API does."""
    settings = read_settings(MonitoringApiSettings)
    configure_logging(SERVICE_NAME)
    app = create_app(settings)
    body = b"x" * int(sys.argv[1])
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization", "ETag": '"constant"'}

    @app.get(CONSTANT)
    async def constant() -> Response:
        return Response(body, media_type="application/json", headers=headers)

    instrument(app, service_name=SERVICE_NAME, excluded_urls="healthz,readyz")
    look_seldom()
    serve(app, settings)


if __name__ == "__main__":
    main()
