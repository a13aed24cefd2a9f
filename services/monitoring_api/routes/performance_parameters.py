"""Query parameters of /models/{name}/performance; an unknown one is a 422 that names it."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.buckets import Buckets, choose_step, nice_step
from services.monitoring_api.queries.filters import Filter, parse_filters
from services.monitoring_api.queries.outcomes import CHAMPION, Outcomes
from services.monitoring_api.queries.performance_report import PerformanceQuestion
from services.monitoring_api.queries.segments import COLUMNS, parse_segment
from services.monitoring_api.queries.time_zones import parse_tz
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns, parse_as_of
from services.monitoring_api.routes.feature_parameters import feature_conditions
from services.monitoring_api.routes.parameters import FROM
from services.monitoring_api.routes.search_parameters import RangeParameters

# Figures of a bucket need labels, so buckets are fewer than points of a chart.
_AUTO_POINTS: Final = 100
_SHORTEST_AUTO_SECONDS: Final = 60


class PerformanceParameters(RangeParameters):
    """Parameters of /models/{name}/performance."""

    start: Annotated[str, FROM] = "now-30d"
    version: Annotated[str | None, Field(description="The model's version; all, unless said.")] = None
    variant: Annotated[str, Field(description="champion, shadow, or what else a service says.")] = CHAMPION
    segment: Annotated[
        str | None,
        Field(
            description="Also answer by segment: a feature, a number's in quantile bins (`distance:5`) or between "
            f"edges (`distance:[0,500,1000]`), or {', '.join(COLUMNS)}, variant, trace_path (fallback, retry, timeout, "
            "plain). A feature of such a name is `feature.label`.",
            examples=["carrier"],
        ),
    ] = None
    metrics: Annotated[
        str | None,
        Field(
            description="Only these figures, comma-separated. Without it all; of buckets and segments all but those of "
            "calibration.",
            examples=["roc_auc,log_loss"],
        ),
    ] = None
    step: Annotated[
        str, Field(description="auto (100 buckets at most), or a length: 15m, 1h, 1d.", examples=["1d"])
    ] = "auto"
    tz: Annotated[str, Field(description="Whose days, for day steps (IANA name).", examples=["UTC"])] = "UTC"
    filter: Annotated[
        list[str],
        Field(
            description="key=value, key!=value, key^=prefix, key=in(a,b); repeated ones are and-ed. Keys are "
            f"{', '.join(COLUMNS)}.",
            examples=[["features_source=store"]],
        ),
    ] = Field(default_factory=list)
    feature: Annotated[
        list[str], Field(description="Conditions on features, as of /predictions.", examples=[["distance>=500"]])
    ] = Field(default_factory=list)
    as_of: Annotated[
        str | None,
        Field(description="Count only predictions and labels that had arrived by then.", examples=["now-7d"]),
    ] = None
    exact: Annotated[
        bool,
        Field(description="Compute from every row, also where there are more than a million and kept sums would do."),
    ] = False
    curves: Annotated[bool, Field(description="Answer `reliability`, `confusion` and `thresholds`, too.")] = True
    threshold: Annotated[
        float | None,
        Field(
            allow_inf_nan=False,
            description="Binary: a threshold to answer for besides every hundredth: `thresholds.chosen`.",
            examples=[0.4],
        ),
    ] = None
    cost_false_positive: Annotated[
        float, Field(ge=0, le=1e12, allow_inf_nan=False, description="What a false alarm costs.", examples=[1])
    ] = 1.0
    cost_false_negative: Annotated[
        float, Field(ge=0, le=1e12, allow_inf_nan=False, description="What a miss costs.", examples=[5])
    ] = 1.0

    def question(self, name: str, now: datetime) -> PerformanceQuestion:
        """What is asked, checked.

        Raises:
            BadInput: Naming the parameter.
        """
        span = self.span(now)
        as_of_ns = None if self.as_of is None else parse_as_of(self.as_of, now=now)
        features, values = feature_conditions(self.feature)
        conditions = [*self._conditions(), *features]
        return PerformanceQuestion(
            Outcomes(name, span, self.version, self.variant, tuple(conditions), as_of_ns),
            _buckets(self.step, span, self.tz),
            epoch_ns(now) if as_of_ns is None else as_of_ns,
            parameters=values,
            segmenting=None if self.segment is None else parse_segment(self.segment),
            wanted=None if self.metrics is None else frozenset(name.strip() for name in self.metrics.split(",")),
            exact=self.exact,
            threshold=self.threshold,
            with_curves=self.curves,
            costs=(self.cost_false_positive, self.cost_false_negative),
        )

    def _conditions(self) -> list[tuple[str, Filter]]:
        found = parse_filters(self.filter)
        for each in found:
            if each.key not in COLUMNS:
                raise bad_field("filter", f"there is no {each.key[:80]!r}; there are {', '.join(COLUMNS)}")
        return [(COLUMNS[each.key], each) for each in found]


def _buckets(step: str, span: TimeRange, tz: str) -> Buckets:
    zone = parse_tz(tz)
    if step.strip() == "auto":
        return Buckets(span, nice_step(span.seconds / _AUTO_POINTS, shortest=_SHORTEST_AUTO_SECONDS), zone)
    return choose_step(step, span, zone)
