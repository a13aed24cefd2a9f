"""The verbs of the monitoring API and its processes, for the `sightglass` command."""

import click

from services.monitoring_api.maintenance.verbs import commands as maintaining
from services.monitoring_api.migrate.verbs import commands as migrating
from services.monitoring_api.notify.verbs import commands as notifying
from services.monitoring_api.worker.commands.rules import commands as alerting
from services.monitoring_api.worker.verbs import commands as operating

commands: list[click.Command] = [*migrating, *alerting, *notifying, *operating, *maintaining]
