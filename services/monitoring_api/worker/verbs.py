"""`sightglass routes|silences|alerts|notifications`: where alerts go, who is told, and what became of it."""

import click

from services.monitoring_api.worker.commands.alerts import alerts
from services.monitoring_api.worker.commands.notifications import notifications
from services.monitoring_api.worker.commands.routes import routes
from services.monitoring_api.worker.commands.silences import silences

commands: list[click.Command] = [routes, silences, alerts, notifications]
