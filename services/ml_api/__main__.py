"""`python -m services.ml_api`: the prediction service as a process."""

from services.ml_api.app import SERVICE_NAME
from services.ml_api.settings import MlApiSettings
from services.web.server import serve
from sightglass import configure_logging
from sightglass.process_settings import read_settings


def main() -> None:
    """Serve until told to stop."""
    configure_logging(SERVICE_NAME)
    settings = read_settings(MlApiSettings)
    serve(
        "services.ml_api.app:create_app_from_environment",
        settings,
        workers=settings.workers,
        grace_seconds=settings.grace_seconds(),
    )


if __name__ == "__main__":
    main()
