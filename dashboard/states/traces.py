"""What the traces page shows, and how its URL says so."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from dashboard.brushed import Region
from dashboard.states.reader import Query, StateReader, number_from_zero
from dashboard.time_range import TimeRange

SECTIONS: Final = ("search", "heatmap", "slow", "exceptions")
KINDS: Final = ("", "server", "client", "internal", "producer", "consumer")
SORTS: Final = ("time", "duration")
_LAST_PAGE: Final = 100_000


@dataclass(frozen=True)
class TracesState:
    """What the traces page shows.

    Attributes:
        section: one of `SECTIONS`.
        trace: the id of the one trace shown; empty for the sections.
        span: the span chosen in it.
        inside: the span whose spans alone are shown, all of them, page by page; empty for the whole trace in short.
        page: which page of them, from 1 on.
        service: of a span; any when empty, as all that follow.
        route: the HTTP route's template.
        name: the span's name.
        kind: server for requests that a service answered, or another one of OpenTelemetry's kinds.
        status: ok, error, a class such as `4xx` or a code.
        min_duration_ms: its least duration.
        max_duration_ms: its greatest duration.
        attributes: conditions on attributes, and-ed.
        sort: `time` for the newest first, or `duration`.
        cursor: where the page of the list begins; empty for the first.
        region: what is brushed in the heat map; None where nothing is.
        period: when the span starts.
        zone: IANA name of the time zone shown.
    """

    section: str = SECTIONS[0]
    trace: str = ""
    span: str = ""
    inside: str = ""
    page: int = 1
    service: str = ""
    route: str = ""
    name: str = ""
    kind: str = ""
    status: str = ""
    min_duration_ms: float | None = None
    max_duration_ms: float | None = None
    attributes: tuple[str, ...] = ()
    sort: str = SORTS[0]
    cursor: str = ""
    region: Region | None = None
    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[TracesState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        page = _number(reader, "page")
        state = cls(
            section=reader.one_of("section", SECTIONS),
            trace=reader.text("trace", ""),
            span=reader.text("span", ""),
            inside=reader.text("inside", ""),
            page=min(max(1, int(page)), _LAST_PAGE) if page is not None else 1,
            service=reader.text("service", ""),
            route=reader.text("route", ""),
            name=reader.text("name", ""),
            kind=reader.one_of("kind", KINDS),
            status=reader.text("status", ""),
            min_duration_ms=_number(reader, "min_duration_ms"),
            max_duration_ms=_number(reader, "max_duration_ms"),
            attributes=reader.many("attr"),
            sort=reader.one_of("sort", SORTS),
            cursor=reader.text("cursor", ""),
            region=_region(reader),
            period=reader.period(),
            zone=reader.zone(),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        names = ("trace", "span", "inside", "service", "route", "name", "kind", "status", "cursor")
        texts = {name: getattr(self, name) for name in names}
        numbers = {"min_duration_ms": self.min_duration_ms, "max_duration_ms": self.max_duration_ms}
        return {
            "section": [self.section],
            **{name: [text] for name, text in texts.items() if text},
            **({"page": [str(self.page)]} if self.page > 1 else {}),
            **{name: [repr(number)] for name, number in numbers.items() if number is not None},
            **({"attr": list(self.attributes)} if self.attributes else {}),
            **({"sort": [self.sort]} if self.sort != SORTS[0] else {}),
            **({"region": [self.region.spelled()]} if self.region is not None else {}),
            "from": [self.period.start],
            "to": [self.period.end],
            "tz": [self.zone],
        }

    @property
    def conditions(self) -> "TracesState":
        """The same search, whatever is shown of it: what a cursor of one page is good for."""
        return replace(
            self, section=SECTIONS[0], trace="", span="", inside="", page=1, cursor="", region=None, zone="UTC"
        )


def _region(reader: StateReader) -> Region | None:
    text = reader.text("region", "")
    try:
        return Region.read(text, reader.now) if text else None
    except ValueError as error:
        reader.complaints.append(f"region: {error}")
        return None


def _number(reader: StateReader, name: str) -> float | None:
    """A number from 0 on; None where there is none."""
    try:
        return number_from_zero(reader.text(name, ""))
    except ValueError as error:
        reader.complaints.append(f"{name}: {error}")
        return None
