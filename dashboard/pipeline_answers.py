"""What the monitoring API answers about the pipeline, its services and its operators, as frozen models."""

from datetime import datetime

from pydantic import Field

from dashboard.answers import Answer, Disk, PipelineHealth


class StoredTable(Answer):
    """One table of the store."""

    table: str
    rows: float = 0
    bytes: float = 0
    bytes_per_row: float | None = None
    oldest_day: str | None = None


class DiskDetail(Disk):
    """Room for the store, and what takes it."""

    tables: tuple[StoredTable, ...] = ()
    refusing: tuple[str, ...] = ()


class Ingest(Answer):
    """What one service sends."""

    signal: str
    service: str = ""
    rows_per_second: float | None = None
    bytes_per_second: float | None = None


class Cardinality(Answer):
    """How many values one attribute of one service has."""

    signal: str = ""
    table: str = ""
    service: str = ""
    key: str
    distinct_values: float = 0
    rows: float = 0
    since: datetime | None = None


class PipelineDetail(PipelineHealth):
    """The pipeline's measure of itself, whole."""

    disk: DiskDetail | None = None
    ingest: tuple[Ingest, ...] = ()
    cardinality: tuple[Cardinality, ...] = ()


class SlowQuery(Answer):
    """All slow runs of statements of one form."""

    fingerprint: str
    query: str = ""
    count: int = 0
    failed: int = 0
    total_seconds: float = 0
    max_seconds: float = 0
    waited_seconds: float = 0
    read_rows: float = 0
    read_bytes: float = 0
    last_at: datetime | None = None
    services: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    trace_id: str | None = None


class SlowQueries(Answer):
    """The forms that took most time."""

    queries: tuple[SlowQuery, ...] = ()


class ServiceNode(Answer):
    """A service that sent spans."""

    name: str
    spans_per_second: float = 0


class ServiceCall(Answer):
    """Calls from one to another; an empty caller sends no spans."""

    caller: str = ""
    callee: str
    kind: str = "service"
    calls: int = 0
    calls_per_second: float = 0
    error_ratio: float = 0
    p95_seconds: float = 0


class ServiceMap(Answer):
    """The services and the calls between them."""

    services: tuple[ServiceNode, ...] = ()
    calls: tuple[ServiceCall, ...] = ()
    truncated: bool = False
    sampled_one_in: int = 1


class AuditEntry(Answer):
    """One thing that somebody did, or was refused."""

    at: datetime
    who: str = ""
    actor: str = ""
    on_behalf_of: str | None = None
    action: str = ""
    target: str | None = None
    outcome: str = ""
    status: int | None = None
    process: str = ""
    trace_id: str | None = None
    client: str | None = None


class Audit(Answer):
    """The newest entries of the audit log."""

    entries: tuple[AuditEntry, ...] = Field(default=())
    truncated: bool = False
    readable: bool = True
