"""What the history page is answered, besides plain histories: comparisons, statements, and what happened."""

from datetime import datetime

from pydantic import Field

from dashboard.answers import Answer, History, Labels, Series

METRIC = "metric"
"""The label that tells metrics apart where several are asked at once."""


class GroupSeries(Series):
    """One line of a chart; of many groups one may be all others together."""

    other: bool = False


class Earlier(Answer):
    """The same question about an earlier range."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    series: tuple[GroupSeries, ...] = ()


class ComparedHistory(History):
    """A metric over time, or several of one family, and maybe an earlier range."""

    series: tuple[GroupSeries, ...] = ()
    groups: int = 1
    mature_until: datetime | None = None
    compare: Earlier | None = None

    def of(self, metric: str) -> "ComparedHistory":
        """What it says of one metric of the family."""
        if self.metric == metric:
            return self
        earlier = self.compare
        kept = None if earlier is None else earlier.model_copy(update={"series": _of(earlier.series, metric)})
        return self.model_copy(update={"metric": metric, "series": _of(self.series, metric), "compare": kept})


class Statement(Answer):
    """What is sent to ClickHouse."""

    range: str = "asked"
    source: str = ""
    sql: str
    parameters: Labels = Field(default_factory=dict)


class Statements(Answer):
    """The statements behind one history."""

    statements: tuple[Statement, ...] = ()


class Marker(Answer):
    """One thing that happened."""

    kind: str
    at: datetime
    until: datetime | None = None
    name: str = ""
    version: str = ""
    labels: Labels = Field(default_factory=dict)
    fingerprint: str = ""


class Markers(Answer):
    """What happened in a range, the oldest first."""

    markers: tuple[Marker, ...] = ()
    truncated: bool = False
    unknown: tuple[str, ...] = ()


def _of(series: tuple[GroupSeries, ...], metric: str) -> tuple[GroupSeries, ...]:
    return tuple(
        one.model_copy(update={"labels": {key: value for key, value in one.labels.items() if key != METRIC}})
        for one in series
        if one.labels.get(METRIC) == metric
    )
