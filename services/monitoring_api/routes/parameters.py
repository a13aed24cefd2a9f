"""Query parameters of the metric routes; an unknown one is a 422 that names it."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.queries.comparison import Compare
from services.monitoring_api.queries.history import DEFAULT_TOP, MOST_TOP

FROM = Field(
    alias="from", description="First moment: RFC 3339, epoch seconds, or relative.", examples=["now-24h", "now-7d"]
)
TO = Field(
    alias="to", description="First moment after: RFC 3339, epoch seconds, or relative.", examples=["now", "now-1h"]
)
_METRIC = Field(description="A name that /api/v1/metrics lists.", examples=["error_ratio"])
_METRICS = Field(
    description="A name that /api/v1/metrics lists, or several of one unit, comma-separated: one answer, in which each "
    "series is labelled with its metric.",
    examples=["error_ratio"],
)
_GROUP_BY = Field(
    description="Dimensions to tell apart, comma-separated or repeated; without any there is one series.",
    examples=[["model_version"]],
)
_FILTER = Field(
    description="key=value, key!=value, key^=prefix, key=in(a,b), key!=in(a,b); repeated filters are and-ed.",
    examples=[["service=ml-api"]],
)


class CurrentParameters(BaseModel):
    """Parameters of /metrics/current."""

    model_config = ConfigDict(extra="forbid")

    metric: Annotated[str, _METRIC]
    window: Annotated[str, Field(description="How far back: 30s, 5m, 1h, 1d.", examples=["5m"])] = "5m"
    group_by: Annotated[list[str], _GROUP_BY] = Field(default_factory=list)
    filter: Annotated[list[str], _FILTER] = Field(default_factory=list)


class HistoryParameters(BaseModel):
    """Parameters of /metrics/history."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    metric: Annotated[str, _METRICS]
    start: Annotated[str, FROM] = "now-24h"
    end: Annotated[str, TO] = "now"
    step: Annotated[str, Field(description="auto, or a length: 10s, 1m, 5m, 1h, 1d.", examples=["auto"])] = "auto"
    tz: Annotated[str, Field(description="Whose days, for day steps (IANA name).", examples=["UTC"])] = "UTC"
    group_by: Annotated[list[str], _GROUP_BY] = Field(default_factory=list)
    filter: Annotated[list[str], _FILTER] = Field(default_factory=list)
    compare: Annotated[
        Compare, Field(description="Also answer for the time just before, or for the same time a week ago.")
    ] = Compare.NONE
    top: Annotated[
        int, Field(ge=1, le=MOST_TOP, description="How many groups get a series of their own; the rest is one.")
    ] = DEFAULT_TOP
    as_of: Annotated[
        str | None,
        Field(
            description="Count only what had arrived by then: the answer as it was. From raw rows, so as far back as "
            "these are kept; of a span that was delivered twice the last arrival counts.",
            examples=["now-1h"],
        ),
    ] = None


def split_names(texts: Sequence[str]) -> tuple[str, ...]:
    """``["a,b", "c"]`` -> ``("a", "b", "c")``."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
