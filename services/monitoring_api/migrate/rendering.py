"""Turns a migration's SQL template into the statements for one server or for a cluster.

Placeholders: `{{db}}`, `{{raw_days}}` and `{{kept_days}}` (how long the table at hand keeps its rows), and those in
which a cluster differs from a server:

- `{{on_cluster}}`: nothing, or `ON CLUSTER name`;
- `{{local}}`: nothing, or the suffix of the tables that store rows (`otel_logs_local` behind `otel_logs`);
- `{{engine:ReplacingMergeTree(ver)}}`: the engine, or its replicated kind;
- `{{distributed:table:sharding key}}`: nothing, or the Distributed table over `table_local`. The sharding key puts
  rows of one identity on one shard, because only there do they meet.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.monitoring_api.migrate.errors import MigrationError

_PLACEHOLDER = re.compile(r"\{\{(?P<name>[a-z_]+)(?::(?P<argument>.*?))?\}\}")
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS \{\{db\}\}\.(?P<table>\w+)")
_TOKEN = re.compile(r"'(?:\\.|''|[^'\\])*'|`(?:\\.|[^`\\])*`|--[^\n]*|/\*.*?\*/|;|[^'`;/-]+|.", re.DOTALL)
_REPLICA_PATH = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"


@dataclass(frozen=True)
class Target:
    """What a template is rendered for.

    Attributes:
        database: where the tables are.
        raw_days: how long raw rows are kept.
        kept_days: how long everything else is kept.
        cluster: the cluster, or nothing for one server.
        table_days: how long, by the name of a table, for those that differ.
    """

    database: str
    raw_days: int
    kept_days: int
    cluster: str = ""
    table_days: Mapping[str, int] = field(default_factory=dict)

    @property
    def on_cluster(self) -> str:
        """The ON CLUSTER clause, or nothing."""
        return f"ON CLUSTER `{self.cluster}`" if self.cluster else ""

    @property
    def local_suffix(self) -> str:
        """Suffix of the names of the tables that store rows."""
        return "_local" if self.cluster else ""

    def engine(self, engine: str) -> str:
        """An engine such as `ReplacingMergeTree(ver)`, replicated on a cluster."""
        if not self.cluster:
            return engine
        name, _, rest = engine.partition("(")
        parameters = ", ".join(filter(None, [_REPLICA_PATH, rest.rstrip(")")]))
        return f"Replicated{name}({parameters})"

    def distributed(self, table: str, sharding_key: str) -> str:
        """The Distributed table over a stored one, or nothing on one server."""
        if not self.cluster:
            return ""
        return (
            f"CREATE TABLE IF NOT EXISTS {self.database}.{table} {self.on_cluster}\n"
            f"AS {self.database}.{table}_local\n"
            f"ENGINE = Distributed(`{self.cluster}`, {self.database}, {table}_local, {sharding_key})"
        )


def render(template: str, target: Target) -> list[str]:
    """Returns the statements of a template, without comments and without those that are empty for this target.

    Raises:
        MigrationError: a placeholder is not known.
    """
    plain: dict[str, str] = {
        "db": target.database,
        "on_cluster": target.on_cluster,
        "local": target.local_suffix,
    }
    days = {"raw_days": target.raw_days, "kept_days": target.kept_days}
    with_argument: dict[str, Callable[[str], str]] = {
        "engine": target.engine,
        "distributed": lambda argument: target.distributed(*argument.split(":", 1)),
    }

    def substitute(match: re.Match[str]) -> str:
        name, argument = match["name"], match["argument"]
        if argument is None and name in plain:
            return plain[name]
        if argument is None and name in days:
            tables = _TABLE.findall(template, 0, match.start())
            return str(target.table_days.get(tables[-1] if tables else "", days[name]))
        if argument is not None and name in with_argument:
            return with_argument[name](argument)
        raise MigrationError(f"Unknown placeholder {match[0]} in a migration.")

    return split(_PLACEHOLDER.sub(substitute, template))


def split(sql: str) -> list[str]:
    """Splits SQL at semicolons outside of quotes and drops comments and empty statements."""
    statements: list[str] = []
    current: list[str] = []
    for piece in _TOKEN.findall(sql):
        if piece == ";":
            statements.append("".join(current))
            current = []
        elif not piece.startswith(("--", "/*")):
            current.append(piece)
    statements.append("".join(current))
    tidy = (re.sub(r"[ \t]+\n", "\n", statement).strip() for statement in statements)
    return [re.sub(r"\n{2,}", "\n", statement) for statement in tidy if statement]
