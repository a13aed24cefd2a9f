"""Whether a user may run a statement, judged on its syntax tree and denied unless known to be harmless."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.embedded_clickhouse.errors import access_denied, bad_arguments, not_implemented
from services.embedded_clickhouse.permitted import (
    DATABASE_ENGINES,
    DENIED_ALTERS,
    DENIED_TABLE_SETTINGS,
    DENIED_TYPES,
    EXPLAIN_KINDS,
    IN_FUNCTIONS,
    INFORMATION_SCHEMAS,
    TABLE_FUNCTIONS,
    function_denied,
    table_engine_allowed,
)
from services.embedded_clickhouse.roles import READS, Role
from services.embedded_clickhouse.syntax import Parsed, Tree

_TABLE_KEYS = ("table", "table_ast", "table_name", "from_table", "to_table")


@dataclass(frozen=True)
class Verdict:
    """What was found out about a statement that may run.

    Attributes:
        settings: the SETTINGS clauses of a read, to be given to the session as well (a read-only session accepts a
            SETTINGS clause only where it changes nothing).
        reads_only: whether it changes nothing.
        settings_listing: whether it reads system.settings and nothing else.
        whole: whether its answer has parts that a stream of blocks would lose (totals, extremes).
        bound: whether a bound value was looked at, so that another value may have another verdict.
    """

    settings: Mapping[str, str]
    reads_only: bool
    settings_listing: bool
    whole: bool
    bound: bool


class Judge:
    """Judges one statement of one user.

    Args:
        role: the user's rights.
        databases: our databases.
        current_database: what a name without a database means.
        values: bound parameters, for names that are given as `{name:Identifier}`.
    """

    def __init__(
        self, role: Role, *, databases: tuple[str, ...], current_database: str, values: Mapping[str, str]
    ) -> None:
        self._role = role
        self._databases = frozenset(databases)
        self._current = current_database
        self._values = values
        self._settings: dict[str, str] = {}
        self._tables: set[tuple[str, str]] = set()
        self._whole = False
        self._bound = False
        self._checks: Mapping[str, Callable[[Tree], None]] = {
            "Function": self._check_function,
            "AlterCommand": self._check_alter,
            "CreateQuery": _check_create,
            "ShowTablesQuery": self._check_show_tables,
        }

    def judge(self, parsed: Parsed) -> Verdict:
        """Return what is known of a permitted statement.

        Raises:
            ClickHouseError: 497 where it is not permitted, 452 for a setting that is not, 48 where it cannot work here.
        """
        kind = parsed.kind
        if kind in ("SetQuery", "UseQuery"):
            raise not_implemented(
                "SET and USE change a session, and the embedded ClickHouse keeps none: put settings and `database` "
                "into the URL, or use a SETTINGS clause."
            )
        if kind == "DropQuery" and parsed.tree.get("kind") == "Truncate" and parsed.tree.get("table"):
            kind = "TruncateQuery"
        if kind not in self._role.statements:
            raise access_denied(f"{self._role.name}: Not enough privileges to run a statement of type {kind}.")
        if parsed.tree.get("temporary") or parsed.tree.get("is_temporary"):
            raise not_implemented("Temporary tables belong to a session, and the embedded ClickHouse keeps none.")
        self._check(parsed.tree, parsed.tree.get("type", kind), reading=kind in READS)
        if not self._role.reads_tables and kind not in ("DescribeQuery", "ExistsQuery"):
            ours = [table for table in self._tables if table[0] in self._databases]
            if ours:
                raise access_denied(f"{self._role.name}: Not enough privileges to read {'.'.join(ours[0])}.")
        return Verdict(
            settings=dict(self._settings),
            reads_only=kind in READS,
            settings_listing=self._tables == {("system", "settings")},
            whole=self._whole,
            bound=self._bound,
        )

    def _check(self, node: Tree, kind: str, *, reading: bool) -> None:
        _check_everywhere(node, kind)
        if kind == "SetQuery":
            self._check_settings(node, reading=reading)
            return
        if kind == "ExplainQuery":
            self._check_explain(node)
            return
        if kind == "TableIdentifier":
            self._check_table(self._parts(node), reading=reading)
        check = self._checks.get(kind)
        if check is not None:
            check(node)
        self._whole = self._whole or bool(node.get("group_by_with_totals"))
        self._check_databases(node, kind)
        self._check_children(node, kind, reading=reading)

    def _check_children(self, node: Tree, kind: str, *, reading: bool) -> None:
        # What an INSERT or a view selects is read, whatever is done with it.
        for key, child in node.items():
            inner = reading or key in ("select", "subquery", "list_of_selects")
            for item in child if isinstance(child, list) else (child,):
                if isinstance(item, Mapping):
                    if "table_function" in key:
                        self._check_table_function(item)
                    if kind in ("Storage", "AlterCommand") and item.get("type") == "SetQuery":
                        _check_table_settings(item)
                        continue
                    self._check(item, str(item.get("type", "")), reading=inner)

    def _check_databases(self, node: Tree, kind: str) -> None:
        if kind in ("ShowColumnsQuery", "ShowIndexesQuery"):
            self._check_table(
                [self._name(node.get("database")) or self._current, self._name(node.get("table"))], reading=True
            )
            return
        databases = [self._name(value) for key, value in node.items() if _names_database(key, value)]
        for database in filter(None, databases):
            self._check_writable_database(database)
        if (
            kind.endswith("Query")
            and kind not in READS
            and any(self._name(node.get(key)) for key in _TABLE_KEYS)
            and not any(databases)
        ):
            self._check_writable_database(self._current)

    def _check_settings(self, node: Tree, *, reading: bool) -> None:
        if node.get("query_parameters"):
            raise bad_arguments("Give parameters in the URL as param_<name>, not in a SETTINGS clause.")
        if node.get("default_settings"):
            raise access_denied("SETTINGS ... = DEFAULT is not allowed through the embedded ClickHouse.")
        for change in node.get("changes", ()):
            name, value = change["name"], _setting_text(change["value"])
            checked = self._role.check_setting_in_text(name, value)
            if name == "extremes":
                self._whole = True
            if reading and self._role.read_only:
                if self._settings.get(name, checked) != checked:
                    raise bad_arguments(f"Setting {name} has two different values in one statement.")
                self._settings[name] = checked

    def _check_explain(self, node: Tree) -> None:
        if node.get("kind") not in EXPLAIN_KINDS:
            raise access_denied(f"{node.get('kind')} is not allowed through the embedded ClickHouse.")
        query = node.get("query")
        if not isinstance(query, Mapping):
            return
        if query.get("type") not in READS:
            raise access_denied("Only a SELECT can be explained through the embedded ClickHouse.")
        # The settings of EXPLAIN itself (header, indexes, ...) are no settings of the engine.
        for key, child in node.items():
            if key != "settings" and isinstance(child, Mapping):
                self._check(child, str(child.get("type", "")), reading=True)

    def _check_function(self, node: Tree) -> None:
        name = str(node.get("name", ""))
        kind = node.get("kind", "")
        if kind == "TABLE_ENGINE":
            if not table_engine_allowed(name):
                raise access_denied(f"A table with ENGINE = {name} is not allowed through the embedded ClickHouse.")
            return
        if kind == "DATABASE_ENGINE":
            if name not in DATABASE_ENGINES:
                raise access_denied(f"A database with ENGINE = {name} is not allowed through the embedded ClickHouse.")
            return
        if function_denied(name):
            raise _denied_function(name)
        arguments = (node.get("arguments") or {}).get("children", ())
        for position, argument in enumerate(arguments):
            if argument.get("type") != "Identifier":
                continue
            parts = self._parts(argument)
            # A higher-order function takes the name of a function for a lambda: arrayMap(upper, ...).
            if len(parts) == 1 and function_denied(parts[0]) and not node.get("is_operator"):
                raise _denied_function(parts[0])
            if position == 1 and name.lower() in IN_FUNCTIONS:
                self._check_in_table(parts)

    def _check_in_table(self, parts: list[str]) -> None:
        """`x IN name` may read a table or WITH clause; `x IN a.b` may be a column, and is judged as a table."""
        if len(parts) == 1:
            if self._current not in self._databases:
                self._check_table(parts, reading=True)
        else:
            self._check_table(parts, reading=True)

    def _check_table_function(self, node: Tree) -> None:
        name = str(node.get("name", ""))
        if name.lower() not in TABLE_FUNCTIONS:
            raise access_denied(f"Table function {name} is not allowed through the embedded ClickHouse.")

    def _check_alter(self, node: Tree) -> None:
        command = str(node.get("command_type", ""))
        allowed = self._role.alters
        if command in DENIED_ALTERS or "EXPORT" in command or (allowed is not None and command not in allowed):
            raise access_denied(f"{self._role.name}: Not enough privileges for ALTER ... {command}.")
        if node.get("move_destination_type") in ("DISK", "VOLUME", "SHARD"):
            raise access_denied("Parts cannot be moved to another disk through the embedded ClickHouse.")

    def _check_table(self, parts: list[str], *, reading: bool) -> None:
        database, table = parts if len(parts) == 2 else (self._current, parts[-1])  # noqa: PLR2004  (database.table)
        if len(parts) > 2:  # noqa: PLR2004
            raise access_denied(f"There is no table {'.'.join(parts)}.")
        self._tables.add((database, table))
        if database in self._databases:
            return
        if reading and database == "system" and table in self._role.system_tables:
            return
        if reading and database in INFORMATION_SCHEMAS:
            return
        raise access_denied(f"{self._role.name}: Not enough privileges to use {database}.{table}.")

    def _check_show_tables(self, node: Tree) -> None:
        database = self._name(node.get("from")) or self._current
        if database not in self._databases | {"system", "default"} | INFORMATION_SCHEMAS:
            raise access_denied(f"{self._role.name}: Not enough privileges to look into {database}.")

    def _check_writable_database(self, database: str) -> None:
        if database not in self._databases:
            raise access_denied(f"{self._role.name}: Not enough privileges to change anything in database {database}.")

    def _name(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return ".".join(self._parts(value))
        return str(value or "")

    def _parts(self, node: Tree) -> list[str]:
        """The parts of a name, with `{name:Identifier}` replaced by the bound value, as the engine will do."""
        parts = list(node.get("name_parts") or [node.get("name", "")])
        bound = iter(list(self._bound_names(node)))
        return [part or next(bound, "") for part in parts]

    def _bound_names(self, node: Tree) -> Iterator[str]:
        for child in node.get("children", ()):
            if child.get("type") == "QueryParameter":
                self._bound = True
                yield self._values.get(child["name"], "")


def _names_database(key: str, value: Any) -> bool:
    """Say whether this part of a tree names a database that the statement is about, as a text or as an identifier."""
    return (
        "database" in key
        and not key.startswith("database_and_table")
        and (isinstance(value, str) or (isinstance(value, Mapping) and value.get("type") == "Identifier"))
    )


def _check_everywhere(node: Tree, kind: str) -> None:
    if kind in DENIED_TYPES:
        raise access_denied("Dictionaries and backups are not allowed through the embedded ClickHouse.")
    if node.get("out_file") or node.get("infile") or node.get("is_into_outfile_with_stdout"):
        raise access_denied("INTO OUTFILE and FROM INFILE are not allowed through the embedded ClickHouse.")
    if function_denied(str(node.get("func_name", ""))):
        raise _denied_function(str(node["func_name"]))


def _check_create(node: Tree) -> None:
    if node.get("is_dictionary") or node.get("attach") or node.get("has_attach_from_path"):
        raise access_denied("Dictionaries and ATTACH are not allowed through the embedded ClickHouse.")


def _setting_text(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = value.get("value")
        if isinstance(inner, bool):
            return "1" if inner else "0"
        return str(inner)
    return str(value)


def _check_table_settings(node: Tree) -> None:
    for change in node.get("changes", ()):
        if change["name"] in DENIED_TABLE_SETTINGS:
            raise access_denied(f"A table's {change['name']} cannot be chosen through the embedded ClickHouse.")


def _denied_function(name: str) -> Exception:
    return access_denied(f"Function {name} is not allowed through the embedded ClickHouse.")
