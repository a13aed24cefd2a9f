"""`sightglass rules`: what needs no settings, and backtests, which need to know where history is."""

import click

from services.monitoring_api.alerting.verbs import rules
from services.monitoring_api.worker.commands.backtest import backtest

rules.add_command(backtest)

commands: list[click.Command] = [rules]
