"""The metric catalogue as rules see it."""

from services.monitoring_api.alerting.metric_shapes import Catalogue, MetricShape
from services.monitoring_api.queries.catalogue import CATALOGUE


def metric_catalogue() -> Catalogue:
    """Every metric with the keys it can be filtered and grouped by."""
    return {
        name: MetricShape(frozenset(metric.source.dimensions), frozenset(metric.source.dimensions))
        for name, metric in CATALOGUE.items()
    }
