"""What the Pipeline page asks of the monitoring API."""

from typing import Final

from dashboard.api_client import Question
from dashboard.pipeline_answers import Audit, PipelineDetail, ServiceMap, SlowQueries
from dashboard.time_range import TimeRange

MOST_ENTRIES: Final = 200
MOST_QUERIES: Final = 50


def pipeline_detail() -> Question[PipelineDetail]:
    """How the pipeline is doing, whole."""
    return Question("/api/v1/pipeline/health", PipelineDetail)


def slow_queries(period: TimeRange) -> Question[SlowQueries]:
    """Which statements were slow."""
    range_ = (("from", period.start), ("to", period.end))
    return Question("/api/v1/pipeline/slow-queries", SlowQueries, (*range_, ("limit", str(MOST_QUERIES))))


def service_map(period: TimeRange) -> Question[ServiceMap]:
    """Who calls whom."""
    return Question("/api/v1/services/map", ServiceMap, (("from", period.start), ("to", period.end)))


def audit() -> Question[Audit]:
    """What operators did."""
    return Question("/api/v1/audit", Audit, (("limit", str(MOST_ENTRIES)),))
