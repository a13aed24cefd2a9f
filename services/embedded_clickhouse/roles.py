"""The four users as the engine sees them: what they may run, with which limits, and which settings they may choose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.embedded_clickhouse.errors import bad_arguments, setting_refused
from services.embedded_clickhouse.permitted import OPERATOR_SYSTEM_TABLES, SYSTEM_TABLES
from services.embedded_clickhouse.settings import ClickHouseSettings

READS = frozenset(
    {
        "SelectWithUnionQuery",
        "SelectIntersectExceptQuery",
        "ExplainQuery",
        "DescribeQuery",
        "ExistsQuery",
        "ShowCreateQuery",
        "ShowTablesQuery",
        "ShowColumnsQuery",
        "ShowIndexesQuery",
    }
)
_MAINTENANCE = frozenset(
    {"InsertQuery", "AlterQuery", "OptimizeQuery", "DeleteQuery", "UpdateQuery", "TruncateQuery", "KillQueryQuery"}
)
_DEFINITION = frozenset({"CreateQuery", "DropQuery", "UndropQuery", "RenameQuery"})
_MAINTAINER_ALTERS = frozenset(
    {
        "DELETE",
        "UPDATE",
        "DROP_PARTITION",
        "REPLACE_PARTITION",
        "MOVE_PARTITION",
        "ATTACH_PARTITION",
        "MODIFY_TTL",
        "MATERIALIZE_TTL",
        "REMOVE_TTL",
        "APPLY_DELETED_MASK",
        "MATERIALIZE_INDEX",
        "MATERIALIZE_COLUMN",
        "MATERIALIZE_STATISTICS",
        "MATERIALIZE_PROJECTION",
    }
)

# Harmless whatever their value: how answers look and how they are computed, not how much they may take.
_FREE_SETTINGS = frozenset(
    {
        "aggregate_functions_null_for_empty",
        "allow_calculating_subcolumns_sizes_for_merge_tree_reading",
        "allow_experimental_analyzer",
        "any_join_distinct_right_table_keys",
        "cast_keep_nullable",
        "cast_string_to_dynamic_use_inference",
        "date_time_input_format",
        "date_time_output_format",
        "distinct_overflow_mode",
        "do_not_merge_across_partitions_select_final",
        "enable_analyzer",
        "enable_full_text_index",
        "extremes",
        "final",
        "force_index_by_date",
        "force_primary_key",
        "format_csv_delimiter",
        "group_by_overflow_mode",
        "group_by_use_nulls",
        "join_algorithm",
        "join_default_strictness",
        "join_use_nulls",
        "limit",
        "log_queries",
        "max_block_size",
        "max_bytes_before_external_group_by",
        "max_bytes_before_external_sort",
        "max_rows_to_group_by",
        "offset",
        "preferred_block_size_bytes",
        "prefer_column_name_to_alias",
        "priority",
        "query_plan_max_limit_for_lazy_materialization",
        "query_plan_max_limit_for_top_k_optimization",
        "query_plan_optimize_lazy_materialization",
        "read_overflow_mode",
        "result_overflow_mode",
        "session_timezone",
        "timeout_overflow_mode",
        "transform_null_in",
        "union_default_mode",
        "use_query_condition_cache",
        "use_skip_indexes",
        "use_skip_indexes_for_disjunctions",
        "use_skip_indexes_for_top_k",
        "use_skip_indexes_if_final",
        "use_skip_indexes_on_data_read",
        "use_top_k_dynamic_filtering",
        "use_uncompressed_cache",
    }
)
_FREE_PREFIXES = ("output_format_", "optimize_")
# These name a file to write, or another server.
_NOT_FREE = ("output_format_schema", "output_format_avro_confluent")
# The writing users lose only these: the adapter's mark on a statement, other languages than SQL, and paths.
_DENIED_SETTINGS = re.compile(
    r"^(log_comment|readonly|profile|dialect|enable_json_ast_dialect|allow_ddl|allow_introspection_functions|"
    r"format_schema.*|format_template.*|.*_url|.*_registry.*|output_format_schema|.*_confluent_.*|.*_path|.*_proxy.*|into_outfile.*|s3_.*|azure_.*|hdfs_.*|backup_.*|filesystem_.*)$"
)
_NUMBER = re.compile(r"^\d+(\.\d+)?$", re.ASCII)


@dataclass(frozen=True)
class Role:
    """One user's rights.

    Attributes:
        statements: types of statements the user may run.
        alters: kinds of ALTER, None for all.
        reads_tables: whether rows of our databases may be read.
        limits: numeric settings that are pinned; a lower value may be chosen, a higher one (or 0, none) becomes the
            pin.
        listed_settings_only: whether a setting must be on the allow-list.
        read_only: whether the engine's session is made read-only.
    """

    name: str
    slots: int
    statements: frozenset[str]
    system_tables: frozenset[str]
    limits: Mapping[str, str]
    alters: frozenset[str] | None = None
    reads_tables: bool = True
    listed_settings_only: bool = False
    read_only: bool = False
    pinned: Mapping[str, str] = field(default_factory=dict)

    def check_setting(self, name: str, value: str) -> str:
        """Return the value that a setting of the URL really gets.

        Raises:
            ClickHouseError: 452 where the user may not choose this setting.
        """
        if name in self.limits:
            return self._clamped(name, value)
        if name == "readonly" and value in ("1", "2"):
            return "1"
        if self.listed_settings_only:
            if name in _FREE_SETTINGS or (name.startswith(_FREE_PREFIXES) and not name.startswith(_NOT_FREE)):
                return value
            raise setting_refused(f"Setting {name} is not one that {self.name} may choose.")
        if _DENIED_SETTINGS.match(name):
            raise setting_refused(f"Setting {name} cannot be chosen through the embedded ClickHouse.")
        return value

    def check_setting_in_text(self, name: str, value: str) -> str:
        """The same for a SETTINGS clause: its text is what runs, so a value above the limit is refused, not lowered."""
        checked = self.check_setting(name, value)
        if name in self.limits and float(checked) != float(value):
            raise setting_refused(
                f"Setting {name} = {value} is above the limit of {self.limits[name]} that {self.name} has."
            )
        return checked

    def _clamped(self, name: str, value: str) -> str:
        if not _NUMBER.match(value):
            raise bad_arguments(f"Setting {name} must be a number, not '{value}'.")
        limit = self.limits[name]
        return value if 0 < float(value) <= float(limit) else limit


def make_roles(settings: ClickHouseSettings) -> Mapping[str, Role]:
    """Make the four roles with the limits that the settings give them."""
    writer_limits = {"max_memory_usage": str(settings.writer_max_memory_bytes)}
    query_size = {"max_query_size": str(settings.max_query_bytes)}
    return {
        role.name: role
        for role in (
            Role(
                name="collector",
                slots=settings.collector_slots,
                statements=frozenset({"SelectWithUnionQuery", "DescribeQuery", "ExistsQuery", "InsertQuery"}),
                system_tables=SYSTEM_TABLES,
                limits=writer_limits,
                reads_tables=False,
                pinned=query_size,
            ),
            Role(
                name="reader",
                slots=settings.reader_slots,
                statements=READS | {"KillQueryQuery"},
                system_tables=SYSTEM_TABLES,
                limits={
                    "max_execution_time": f"{settings.reader_max_seconds:g}",
                    "max_memory_usage": str(settings.reader_max_memory_bytes),
                    "max_rows_to_read": str(settings.reader_max_rows_to_read),
                    "max_result_rows": str(settings.reader_max_result_rows),
                    "max_threads": str(settings.reader_max_threads),
                },
                listed_settings_only=True,
                read_only=True,
                pinned=query_size
                | {"max_temporary_data_on_disk_size_for_query": str(settings.reader_max_temporary_bytes)},
            ),
            Role(
                name="maintainer",
                slots=settings.maintainer_slots,
                statements=READS | _MAINTENANCE,
                system_tables=OPERATOR_SYSTEM_TABLES,
                limits=writer_limits,
                alters=_MAINTAINER_ALTERS,
                pinned=query_size,
            ),
            Role(
                name="migrator",
                slots=settings.migrator_slots,
                statements=READS | _MAINTENANCE | _DEFINITION,
                system_tables=OPERATOR_SYSTEM_TABLES,
                limits=writer_limits,
                pinned=query_size,
            ),
        )
    }
