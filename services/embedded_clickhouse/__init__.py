"""The ClickHouse engine (chDB, embedded in this process) behind ClickHouse's own HTTP interface."""
