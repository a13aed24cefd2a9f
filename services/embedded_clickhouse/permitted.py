"""What statements may touch: tables of the system database, table functions, functions, table engines.

Reviewed against the lists of the pinned engine (26.9); a test says when the engine's lists have grown.
"""

SYSTEM_TABLES = frozenset(
    {
        "aggregate_function_combinators",
        "asynchronous_metrics",
        "build_options",
        "codecs",
        "collations",
        "columns",
        "constraints",
        "contributors",
        "data_skipping_index_types",
        "data_skipping_indices",
        "data_type_families",
        "database_engines",
        "databases",
        "detached_parts",
        "dictionaries",
        "disks",
        "events",
        "formats",
        "functions",
        "keywords",
        "licenses",
        "merge_tree_settings",
        "merges",
        "metrics",
        "numbers",
        "numbers_mt",
        "one",
        "parts",
        "parts_columns",
        "projection_parts",
        "projections",
        "replicas",
        "settings",
        "statements",
        "table_engines",
        "table_functions",
        "tables",
        "time_zones",
        "view_refreshes",
        "warnings",
        "zeros",
        "zeros_mt",
    }
)
# These show what other users ask, some with the values in it, so they are for who keeps the database.
OPERATOR_SYSTEM_TABLES = SYSTEM_TABLES | {
    "asynchronous_inserts",
    "clusters",
    "distributed_ddl_queue",
    "dropped_tables",
    "errors",
    "macros",
    "mutations",
    "processes",
    "server_settings",
    "storage_policies",
}

TABLE_FUNCTIONS = frozenset(
    {
        "generateseries",
        "generate_series",
        "generaterandom",
        "null",
        "numbers",
        "numbers_mt",
        "primes",
        "sqlstandardvalues",
        "values",
        "view",
        "zeros",
        "zeros_mt",
    }
)

# They read files, speak to other machines or to models on them, look into the process, or write to its log.
DENIED_FUNCTIONS = frozenset(
    {
        "addresstoline",
        "addresstolinewithinlines",
        "addresstosymbol",
        "buildid",
        "catboostevaluate",
        "chdb",
        "demangle",
        "evalmlmethod",
        "file",
        "filesystemavailable",
        "filesystemcapacity",
        "filesystemunreserved",
        "fqdn",
        "fullhostname",
        "generateserialid",
        "getclienthttpheader",
        "getmacro",
        "getoskernelversion",
        "getserversetting",
        "hascolumnintable",
        "hostname",
        "joinget",
        "joingetornull",
        "logtrace",
        "naivebayesclassifier",
        "naivebayesclassifierwithallprobs",
        "naivebayesclassifierwithprob",
        "naivebayesngrams",
        "serveruuid",
        "showcertificate",
        "structuretocapnprotoschema",
        "structuretoprotobufschema",
        "tcpport",
    }
)
DENIED_FUNCTION_PREFIXES = ("ai", "dict", "regionto", "regionhierarchy", "regionin", "zookeeper")

TABLE_ENGINES = frozenset({"Null", "Memory", "Log", "TinyLog", "StripeLog", "View"})
DATABASE_ENGINES = frozenset({"Atomic"})
# Where a table's files lie is not for SQL to choose.
DENIED_TABLE_SETTINGS = frozenset({"disk", "storage_policy", "table_disk", "data_path"})


# What they show is what a user may see anyway. `default` is not among them: in the embedded engine a name in it may be
# that of a file.
INFORMATION_SCHEMAS = frozenset({"information_schema", "INFORMATION_SCHEMA"})
DENIED_TYPES = frozenset({"Dictionary", "DictionarySettings", "FunctionWithKeyValueArguments", "BackupQuery"})
DENIED_ALTERS = frozenset({"FETCH_PARTITION", "FREEZE_PARTITION", "FREEZE_ALL", "UNFREEZE_PARTITION", "UNFREEZE_ALL"})
EXPLAIN_KINDS = frozenset(
    {
        "EXPLAIN",
        "EXPLAIN AST",
        "EXPLAIN SYNTAX",
        "EXPLAIN QUERY TREE",
        "EXPLAIN PIPELINE",
        "EXPLAIN ESTIMATE",
    }
)
# Their second argument may be the name of a table.
IN_FUNCTIONS = frozenset(
    f"{scope}{name}{suffix}"
    for scope in ("", "global")
    for name in ("in", "notin", "nullin", "notnullin")
    for suffix in ("", "ignoreset")
)


def function_denied(name: str) -> bool:
    """Say whether a function is one that no statement may call."""
    lowered = name.lower()
    return lowered in DENIED_FUNCTIONS or lowered.startswith(DENIED_FUNCTION_PREFIXES)


def table_engine_allowed(name: str) -> bool:
    """Say whether a table may have this engine: the MergeTree family and those that keep nothing elsewhere."""
    return name in TABLE_ENGINES or name.endswith("MergeTree")
