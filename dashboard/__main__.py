"""`python -m dashboard`: serve the dashboard until SIGTERM or SIGINT."""

import logging
import sys
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError
from streamlit.web import bootstrap

import sightglass
from dashboard.refused_start import StartRefusedError
from dashboard.server_options import server_options
from dashboard.settings import DashboardSettings
from dashboard.start_check import check_start

APP = Path(__file__).with_name("app.py")


def main() -> None:
    """Start telemetry, then Streamlit in this process, so that a signal reaches both and telemetry is flushed last."""
    try:
        settings = DashboardSettings()
        check_start(settings)
    except ValidationError as error:
        sys.exit(f"The dashboard does not start. {_in_words(error)}")
    except SettingsError as error:
        sys.exit(f"The dashboard does not start. A setting is not the JSON that it should be: {error}.")
    except StartRefusedError as refusal:
        sys.exit(f"The dashboard does not start. {refusal}")
    options = server_options(settings)
    sightglass.configure_logging("dashboard")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request, with what people asked for
    with sightglass.start("dashboard"):
        bootstrap.load_config_options(options)
        bootstrap.run(str(APP), is_hello=False, args=[], flag_options=options)


def _in_words(error: ValidationError) -> str:
    """Each setting that cannot be used, by name and reason; pydantic's own text would show the values, secrets too."""
    prefix = str(DashboardSettings.model_config["env_prefix"])
    reasons = []
    for problem in error.errors(include_input=False, include_url=False):
        name, *inside = (str(part) for part in problem["loc"])
        variable = name if name.startswith("SIGHTGLASS_") else f"{prefix}{name}".upper()
        reasons.append(f"{'.'.join([variable, *inside])}: {problem['msg']}.")
    return "\n".join(["A setting is not acceptable:", *reasons])


if __name__ == "__main__":
    main()
