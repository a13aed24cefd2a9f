"""Samplers that decide by the trace alone."""

from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ParentBased,
    ParentBasedTraceIdRatio,
    SamplingResult,
    StaticSampler,
    TraceIdRatioBased,
)

_ASKED: Final = (
    "_root",
    "_remote_parent_sampled",
    "_remote_parent_not_sampled",
    "_local_parent_sampled",
    "_local_parent_not_sampled",
)


def decision_for_roots(sampler: Any) -> SamplingResult | None:
    """What it always decides for a span without parent; None when that depends."""
    root = getattr(sampler, "_root", sampler)
    if not decides_without_attributes(sampler) or type(root) is not StaticSampler:
        return None
    result: SamplingResult = sampler.should_sample(Context(), 1, "")
    return result


def decides_without_attributes(sampler: Any) -> bool:
    """Whether it is one of the SDK's own, which do not look at a span's name or attributes."""
    if type(sampler) in (StaticSampler, TraceIdRatioBased):
        return True
    if type(sampler) not in (ParentBased, ParentBasedTraceIdRatio):
        return False
    # It asks others, of which the last four can be anybody's.
    return all(decides_without_attributes(getattr(sampler, name, None)) for name in _ASKED)
