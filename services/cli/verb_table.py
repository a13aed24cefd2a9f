"""Which verb lives where, and its one-line help: known without importing anything."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Verb:
    """A verb of `sightglass`: the module whose `commands` holds it, and what it does in one line."""

    module: str
    summary: str


VERBS: Final[dict[str, Verb]] = {
    "up": Verb("services.cli.verbs.up", "Start everything and return when it is ready."),
    "down": Verb("services.cli.verbs.down", "Stop everything, in the order in which telemetry drains."),
    "status": Verb("services.cli.verbs.status", "Show every process; exit code 0 only if all are up."),
    "doctor": Verb("services.cli.verbs.doctor", "Look for what is wrong, and say what to do about it."),
    "demo": Verb("services.cli.demo.verbs", "Show real flights: two days of history, then live predictions."),
    "settings": Verb(
        "services.cli.verbs.settings_list", "List every setting: meaning, value, and where it comes from."
    ),
    "migrate": Verb("services.monitoring_api.migrate.verbs", "Bring ClickHouse's schema up to date."),
    "collector": Verb("services.cli.collector.verbs", "Find, build and check the OpenTelemetry Collector."),
    "tokens": Verb("services.web.verbs", "Make, list, rotate and revoke tokens."),
    "models": Verb("services.ml_api.verbs", "List and train models."),
    "labels": Verb("services.cli.verbs.labels", "Load true labels from a file."),
    "rules": Verb("services.monitoring_api.worker.commands.rules", "Check, test and backtest alert rules."),
    "rollups": Verb("services.monitoring_api.maintenance.verbs", "Compute rollups anew, or verify them."),
    "reference": Verb(
        "services.monitoring_api.reference.verbs", "Make what serving is compared with, from a file or a model's card."
    ),
    "routes": Verb("services.monitoring_api.worker.verbs", "Show where an alert would go, and why."),
    "silences": Verb("services.monitoring_api.worker.verbs", "Make, list and end silences."),
    "alerts": Verb("services.monitoring_api.worker.verbs", "List alerts, and take one on."),
    "notifications": Verb("services.monitoring_api.worker.verbs", "List messages, and send again what was given up."),
    "channels": Verb("services.monitoring_api.notify.verbs", "List and test notification channels."),
}
