"""`python -m services.ml_api`: the prediction service as a process."""

import sys

from pydantic import ValidationError

from services.ml_api.app import SERVICE_NAME
from services.ml_api.settings import MlApiSettings
from services.web.server import serve
from sightglass import configure_logging


def main() -> None:
    """Serve until told to stop."""
    configure_logging(SERVICE_NAME)
    try:
        settings = MlApiSettings()
    except ValidationError as error:
        sys.exit(f"A setting is not acceptable: {error}")
    serve(
        "services.ml_api.app:create_app_from_environment",
        settings,
        workers=settings.workers,
        grace_seconds=settings.grace_seconds(),
    )


if __name__ == "__main__":
    main()
