"""What the logs page shows, and how its URL says so."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.log_questions import LogSelection
from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

SEVERITIES: Final = ("", "debug", "info", "warn", "error", "fatal")
_DEFAULT: Final = TimeRange("now-1h")
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_SWITCH: Final = ("off", "on")


@dataclass(frozen=True)
class LogsState:
    """What the logs page shows.

    Attributes:
        service: the service whose records are shown; empty for all.
        severity: the least severity, one of `SEVERITIES`.
        text: what the records' bodies hold.
        trace: the trace that they were written in; then the range is the trace's own.
        span: likewise the span.
        record: the id of the one record that is shown whole; empty for none.
        live: whether new records are shown as they come.
        period: when they were written.
        zone: IANA name of the time zone shown.
    """

    service: str = ""
    severity: str = ""
    text: str = ""
    trace: str = ""
    span: str = ""
    record: str = ""
    live: bool = False
    period: TimeRange = field(default=_DEFAULT)
    zone: str = "UTC"

    @property
    def selection(self) -> LogSelection:
        """Which records."""
        return LogSelection(self.service, self.severity, self.text, self.trace, self.span)

    @property
    def range(self) -> TimeRange | None:
        """When they were written; None for those of a trace, whenever it was."""
        return None if self.trace else self.period

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[LogsState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        severity = reader.text("severity", "").lower()
        if severity not in SEVERITIES:
            reader.complaints.append(f"severity: {severity[:40]!r} is none of {', '.join(SEVERITIES[1:])}.")
            severity = ""
        state = cls(
            service=reader.text("service", ""),
            severity=severity,
            text=reader.text("q", ""),
            trace=_identifier(reader, "trace", _TRACE),
            span=_identifier(reader, "span", _SPAN),
            record=reader.text("record", ""),
            live=reader.one_of("live", _SWITCH) == "on",
            period=reader.period() if query.get("from") or query.get("to") else _DEFAULT,
            zone=reader.zone(),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        texts = {
            "service": self.service,
            "severity": self.severity,
            "q": self.text,
            "trace": self.trace,
            "span": self.span,
            "record": self.record,
            "live": "on" if self.live else "",
        }
        return {
            **{name: [text] for name, text in texts.items() if text},
            "from": [self.period.start],
            "to": [self.period.end],
            "tz": [self.zone],
        }


def _identifier(reader: StateReader, name: str, form: re.Pattern[str]) -> str:
    text = reader.text(name, "").strip().lower()
    if not text or form.fullmatch(text):
        return text
    reader.complaints.append(f"{name}: {text[:40]!r} is no {name} id.")
    return ""
