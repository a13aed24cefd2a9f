"""How everything here reaches ClickHouse: a question, a `Database` that answers it, and one real implementation."""

from services.monitoring_api.database.clickhouse import ClickHouseDatabase, said_by_clickhouse
from services.monitoring_api.database.connection import Connection
from services.monitoring_api.database.deadline import Deadline
from services.monitoring_api.database.errors import (
    DatabaseFull,
    DatabaseRefused,
    DatabaseTooSlow,
    DatabaseUnavailable,
)
from services.monitoring_api.database.protocol import Database
from services.monitoring_api.database.query import Query

__all__ = [
    "ClickHouseDatabase",
    "Connection",
    "Database",
    "DatabaseFull",
    "DatabaseRefused",
    "DatabaseTooSlow",
    "DatabaseUnavailable",
    "Deadline",
    "Query",
    "said_by_clickhouse",
]
