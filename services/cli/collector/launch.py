"""The command line and the environment that start the Collector."""

import os
from collections.abc import Mapping
from pathlib import Path

from services.cli.collector.cache import CONFIG_DIR
from services.cli.collector.settings import CollectorSettings

_NOT_PASSED_ON = {"data_dir", "binary", "overlays", "clickhouse_password_file", "token_file"}
# How others send to it. Its own metrics go to itself, without TLS, and it would refuse to start with these.
_OF_SENDERS = tuple(
    f"OTEL_EXPORTER_OTLP{signal}_{file}"
    for signal in ("", "_METRICS")
    for file in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
)


def command(
    settings: CollectorSettings, binary: Path, *, environ: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, str]]:
    """Returns the arguments and the environment to start the Collector with.

    The password stays in its file: the Collector reads it through its own `file` provider, so it is neither on the
    command line nor in the environment.

    Args:
        settings: where to listen, where to export to, how much to hold.
        binary: the Collector, from `binary_path`.
        environ: environment to build on (default: this process's).
    """
    variables = dict(os.environ if environ is None else environ)
    variables |= dict.fromkeys(_OF_SENDERS, "") | passed_on(settings)
    arguments = [str(binary)]
    for path in config_files(settings):
        arguments += ["--config", str(path)]
    return arguments, variables


def passed_on(settings: CollectorSettings) -> dict[str, str]:
    """The variables that `collector/config.yaml` and its overlays read, from the settings.

    What nobody set is not passed on, so that an overlay may have a default of its own.
    """
    values = settings.model_dump(exclude=_NOT_PASSED_ON, exclude_unset=True, exclude_none=True)
    variables = {f"SIGHTGLASS_COLLECTOR_{name.upper()}": _text(value) for name, value in values.items()}
    variables["SIGHTGLASS_COLLECTOR_CLICKHOUSE_PASSWORD_FILE"] = str(settings.password_file)
    variables["SIGHTGLASS_COLLECTOR_TOKEN_FILE"] = str(settings.ingest_token_file)
    variables["SIGHTGLASS_COLLECTOR_QUEUE_DIR"] = str(settings.queue_dir)
    return variables


def config_files(settings: CollectorSettings) -> list[Path]:
    """`config.yaml` and the overlays, in the order in which they are laid over each other."""
    return [CONFIG_DIR / "config.yaml", *(overlay_path(name) for name in settings.overlays)]


def overlay_path(name: str) -> Path:
    """The file of an overlay: a shipped one by its name (`production`), any other by its path."""
    shipped = CONFIG_DIR / f"config.{name}.yaml"
    return shipped if shipped.exists() else Path(name)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
