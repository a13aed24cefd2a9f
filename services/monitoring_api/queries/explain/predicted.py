"""What a prediction says of itself: its features, and which part of the traffic it belongs to."""

from typing import Final

from services.monitoring_api.queries.explain.cases import Kind

# A longer value is a text of its own.
_LONGEST: Final = 200
_SEGMENTS: Final = (
    ("model_version", "ModelVersion"),
    ("features_source", "FeaturesSource"),
    ("service", "ServiceName"),
    ("service_instance", "ServiceInstanceId"),
)
_EACH_SEGMENT: Final = ", ".join(
    f"(toUInt8({Kind.SEGMENT:d}), '{name}', toString({column}))" for name, column in _SEGMENTS
)
_SEGMENT_ITEMS: Final = f"arrayFilter(item -> item.3 != '', [{_EACH_SEGMENT}])"
# JSON may say a thing twice.
_FEATURE_ITEMS: Final = f"""arrayDistinct(arrayMap(
                pair -> (toUInt8({Kind.FEATURE:d}), pair.1, pair.2),
                arrayFilter(
                    pair -> length(pair.2) BETWEEN 1 AND {_LONGEST},
                    arrayConcat(
                        JSONExtractKeysAndValuesRaw(Features),
                        arrayMap(
                            (name, value) -> (name, toJSONString(value)),
                            mapKeys(FeaturesNonfinite),
                            mapValues(FeaturesNonfinite)
                        )
                    )
                )
            ))"""

# SQL over columns of the view `predictions`.
ITEMS: Final = f"arrayConcat({_SEGMENT_ITEMS}, {_FEATURE_ITEMS})"
