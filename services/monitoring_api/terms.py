"""What the monitoring API measures of its own reading, by name; docs/telemetry.md has the same."""

from typing import Final

from sightglass.attributes import Term

# OpenTelemetry's own names (semantic conventions for clients of databases).
CONNECTION_COUNT: Final = "db.client.connection.count"
CONNECTION_MAX: Final = "db.client.connection.max"
PENDING_REQUESTS: Final = "db.client.connection.pending_requests"
CONNECTION_TIMEOUTS: Final = "db.client.connection.timeouts"
CONNECTION_WAIT_TIME: Final = "db.client.connection.wait_time"
OPERATION_DURATION: Final = "db.client.operation.duration"
POOL_NAME: Final = "db.client.connection.pool.name"
CONNECTION_STATE: Final = "db.client.connection.state"
DB_SYSTEM: Final = "db.system.name"
ERROR_TYPE: Final = "error.type"

CACHE_LOOKUPS: Final = "sightglass.cache.lookups"
CACHE_EVICTIONS: Final = "sightglass.cache.evictions"
CACHE_FAILURES: Final = "sightglass.cache.failures"
CACHE_SIZE: Final = "sightglass.cache.size"
CACHE: Final = "cache"
OUTCOME: Final = "outcome"

_OF_CACHES: Final = (CACHE_LOOKUPS, CACHE_EVICTIONS, CACHE_FAILURES, CACHE_SIZE)
_OF_POOL: Final = (CONNECTION_COUNT, CONNECTION_MAX, PENDING_REQUESTS, CONNECTION_TIMEOUTS, CONNECTION_WAIT_TIME)

TERMS: Final[tuple[Term, ...]] = (
    Term(
        CONNECTION_COUNT, "gauge", "{connection}", (POOL_NAME, CONNECTION_STATE), "Places for statements to ClickHouse."
    ),
    Term(CONNECTION_MAX, "gauge", "{connection}", (POOL_NAME,), "How many places there are."),
    Term(PENDING_REQUESTS, "gauge", "{request}", (POOL_NAME,), "Statements that wait for a place."),
    Term(CONNECTION_TIMEOUTS, "counter", "{timeout}", (POOL_NAME,), "Statements whose deadline passed as they waited."),
    Term(CONNECTION_WAIT_TIME, "histogram", "s", (POOL_NAME,), "Time that statements waited for a place."),
    Term(
        OPERATION_DURATION,
        "histogram",
        "s",
        (DB_SYSTEM, ERROR_TYPE),
        "Time of statements to ClickHouse, the wait for a place included.",
    ),
    Term(CACHE_LOOKUPS, "counter", "{lookup}", (CACHE, OUTCOME), "Looks into a cache."),
    Term(CACHE_EVICTIONS, "counter", "{entry}", (CACHE,), "Entries dropped to make room."),
    Term(
        CACHE_FAILURES,
        "counter",
        "{failure}",
        (CACHE, ERROR_TYPE),
        "Times that the Redis of buckets was not asked, or not rightly answered; what it would have given was made.",
    ),
    Term(CACHE_SIZE, "gauge", "By", (CACHE,), "What a cache holds in this process."),
    Term(
        POOL_NAME,
        "attribute",
        "string",
        _OF_POOL,
        "What ClickHouse's logs call the process: `sightglass-monitoring-api`.",
    ),
    Term(CONNECTION_STATE, "attribute", "string", (CONNECTION_COUNT,), "`used` or `idle`."),
    Term(DB_SYSTEM, "attribute", "string", (OPERATION_DURATION,), "`clickhouse`."),
    Term(
        ERROR_TYPE,
        "attribute",
        "string",
        (OPERATION_DURATION, CACHE_FAILURES),
        "Of statements `unavailable`, `too_slow`, `refused` or `cancelled`, absent where all went well; of a cache "
        "`timeout`, `resting` after a failure, `unreadable`, `store_unknown`, or what its client raised.",
    ),
    Term(CACHE, "attribute", "string", _OF_CACHES, "`buckets` (finished parts of answers) or `answers` (whole ones)."),
    Term(
        OUTCOME,
        "attribute",
        "string",
        (CACHE_LOOKUPS,),
        "`hit`, `miss`, or `joined`: the answer was being made for somebody else already.",
    ),
)


def meaning_of(name: str) -> str:
    """What a metric means."""
    return next(term.meaning for term in TERMS if term.name == name)
