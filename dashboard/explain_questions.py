"""What the pages ask of the monitoring API's explainer."""

from collections.abc import Sequence
from typing import Final

from dashboard.api_client import Question
from dashboard.explain_answers import Explanation

# Tens of thousands of possible causes are looked at.
PATIENCE_SECONDS: Final = 65.0


def slow_explanation(
    *,
    start: str,
    end: str,
    service: str = "",
    route: str = "",
    min_duration_ms: float | None = None,
    max_duration_ms: float | None = None,
    status: str = "",
    attributes: Sequence[str] = (),
) -> Question[Explanation]:
    """Why requests were slow; empty texts ask for any.

    Args:
        start: RFC 3339 or relative, such as `now-1h`; included.
        end: as `start`; excluded.
        service: the request's service.
        route: the request's route.
        min_duration_ms: from which duration on a request is slow; None: slower than 95 % of its route's.
        max_duration_ms: slower ones are left out; only with `min_duration_ms`.
        status: `error`, `ok`, a class or a code.
        attributes: such as `ml.features.source=fallback`; and-ed.
    """
    asked = (("service", service), ("route", route), ("status", status))
    parameters = [("from", start), ("to", end), *(pair for pair in asked if pair[1])]
    bounds = (("min_duration_ms", min_duration_ms), ("max_duration_ms", max_duration_ms))
    parameters += [(name, f"{bound:.12g}") for name, bound in bounds if bound is not None]
    parameters += [("attr", text) for text in attributes]
    return Question("/api/v1/traces/slow/explain", Explanation, tuple(parameters), timeout_seconds=PATIENCE_SECONDS)


def wrong_explanation(
    *,
    model: str,
    start: str,
    end: str,
    version: str = "",
    variant: str = "",
    filters: Sequence[str] = (),
    features: Sequence[str] = (),
) -> Question[Explanation]:
    """Why predictions were wrong.

    Args:
        model: its name.
        start: RFC 3339 or relative; included.
        end: as `start`; excluded.
        version: of the model; any when empty.
        variant: such as `shadow`; the champion when empty.
        filters: such as `features_source=store`; and-ed; the keys are service, model_version, features_source, label.
        features: conditions on features, such as `carrier=UA` or `distance>=500`; and-ed.
    """
    parameters = [("model", model), ("from", start), ("to", end), *([("version", version)] if version else [])]
    parameters += [("variant", variant)] if variant else []
    parameters += [*(("filter", text) for text in filters), *(("feature", text) for text in features)]
    path = "/api/v1/predictions/wrong/explain"
    return Question(path, Explanation, tuple(parameters), timeout_seconds=PATIENCE_SECONDS)
