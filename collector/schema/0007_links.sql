-- The Collector writes spans here and they arrive in otel_traces: a table that stores nothing, in front of it, because OTTL cannot
-- edit the attributes of span links. They are redacted on the way through, by the same patterns as everything else
-- (services/cli/collector/redaction.py; a test holds the two together). Here all values are text already, so a number that looks like a
-- card number is masked too. What writes to otel_traces itself still may.
CREATE TABLE IF NOT EXISTS {{db}}.otel_traces_ingest {{on_cluster}}
(
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName String,
    ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String,
    Events Nested
    (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ),
    Links Nested
    (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    )
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.otel_traces_ingest_mv {{on_cluster}}
TO {{db}}.otel_traces
AS
SELECT
    Timestamp,
    TraceId,
    SpanId,
    ParentSpanId,
    TraceState,
    SpanName,
    SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    SpanAttributes,
    Duration,
    StatusCode,
    StatusMessage,
    `Events.Timestamp`,
    `Events.Name`,
    `Events.Attributes`,
    `Links.TraceId`,
    `Links.SpanId`,
    `Links.TraceState`,
    arrayMap(
        attributes -> mapApply(
            (key, value) -> (
                key,
                multiIf(
                    match(key, '(?i)^(?:(?:otel)?(?:parent_?)?(?:trace|span)[._]?id|service\\..+|telemetry\\..+|event\\.name|ml\\.(?:prediction\\.id|entity\\.id|model\\.name|model\\.version|label\\.observed_at|label\\.arrived_at))$'), value,
                    match(key, '(?i)(?:authorization|cookie|passw(?:or)?d|passwd|passphrase|secret|credential|api[._-]?key|access[._-]?key|private[._-]?key|e[._-]?mail|(?:credit|debit)[._-]?card|card[._-]?(?:number|num|no)|cvv|jwt|tokens?(?:\\.[0-9]+)*$|(?:^|[._-])ssn(?:[._-]|$))'), '****',
                    replaceRegexpAll(value, 'eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*)?|(?P<header>(?i:(?:authorization|cookie)["\']?\\s*[:=]\\s*))[^\\r\\n]+|(?i:\\bbearer\\s+[A-Za-z0-9+/=._~-]{6,}|\\bbasic\\s+[A-Za-z0-9+/]{12,}={0,2})|\\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\\w{20,}|glpat-[\\w-]{16,}|xox[abeoprs]-[\\w-]{10,}|A[KS]IA[0-9A-Z]{16}|sk-[A-Za-z0-9_-]{16,}|[spr]k_(?:live|test)_\\w{10,}|AIza[\\w-]{30,}|hf_[A-Za-z0-9]{20,}|ya29\\.[\\w-]{10,})|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)|(?P<name>(?i:(?:passw(?:or)?d|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|token)["\']?\\s*[:=]\\s*))(?:"[^"]*"|\'[^\']*\'|[^\\s"\'&,;{}\\[\\]]+)|(?P<scheme>://)[^/\\s:@]+:[^/\\s@]+(?P<at>@)|[^\\s@*/=&?<>,;:"\'()\\[\\]{}|\\\\]+(?:@|%40)[\\p{L}\\p{N}-]+(?:\\.[\\p{L}\\p{N}-]+)*\\.\\p{L}{2,}|(?P<before>^|[^\\w.])(?:(?:4\\d{3}|5[1-5]\\d\\d|2[2-7]\\d\\d|6011|6[45]\\d\\d|35\\d\\d)(?:\\d{12}|(?: \\d{4}){3}|(?:-\\d{4}){3})|3[47]\\d\\d(?:\\d{11}| \\d{6} \\d{5}|-\\d{6}-\\d{5})|3[068]\\d\\d(?:\\d{10}| \\d{6} \\d{4}|-\\d{6}-\\d{4}))(?P<after>$|[^\\w.-]|\\.(?:\\D|$))', '\\1\\2\\3\\5****\\4\\6')
                )
            ),
            attributes
        ),
        `Links.Attributes`
    ) AS `Links.Attributes`
FROM {{db}}.otel_traces_ingest;
