"""The rules that the worker has in force, as their files say them, for whoever asks: kept beside the states."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.store import metadata

rules_in_force = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("group_name", sa.String(200), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("interval_seconds", sa.Double, nullable=False),
    sa.Column("delay_seconds", sa.Double, nullable=False),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
)


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """One rule as its file has it.

    Attributes:
        group: Its group.
        position: Its number in the group.
        interval_seconds: Between two looks.
        delay_seconds: How far behind the slot its windows end.
        definition: Its keys and values.
        since: When the rules were taken as they are, epoch seconds.
    """

    group: str
    position: int
    interval_seconds: float
    delay_seconds: float
    definition: Mapping[str, Any]
    since: float


def write_rules(connection: Connection, rules: Iterable[RuleInForce]) -> None:
    """Keep these rules in place of those of before."""
    connection.execute(sa.delete(rules_in_force))
    rows = [
        {
            "group_name": rule.group,
            "position": rule.position,
            "interval_seconds": rule.interval_seconds,
            "delay_seconds": rule.delay_seconds,
            "definition": json.dumps(rule.definition),
            "since": rule.since,
        }
        for rule in rules
    ]
    if rows:
        connection.execute(sa.insert(rules_in_force), rows)


def read_rules(connection: Connection) -> list[RuleInForce]:
    """The rules in force, group by group in the order of their files."""
    query = sa.select(rules_in_force).order_by(rules_in_force.c.group_name, rules_in_force.c.position)
    return [
        RuleInForce(
            row["group_name"],
            row["position"],
            row["interval_seconds"],
            row["delay_seconds"],
            json.loads(row["definition"]),
            row["since"],
        )
        for row in connection.execute(query).mappings()
    ]
