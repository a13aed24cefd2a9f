"""Every name that the ML API emits on top of the library's: what docs/telemetry.md shows under its own heading."""

from typing import Final

from services.ml_api.observed import (
    FALLBACK_EVENT,
    MODEL_ROWS,
    MODEL_SPAN,
    WEATHER_HOUR,
    WEATHER_LOOKUPS,
    WEATHER_MISSING,
    WEATHER_ORIGIN,
    WEATHER_SPAN,
)
from services.ml_api.shadow_lane import SHADOW_SPAN
from services.ml_api.shadowing import REASON, SKIPPED_METRIC
from services.ml_api.weather_lookup import TIMED_OUT_EVENT, TIMED_OUT_SECONDS
from sightglass.attributes import MODEL_NAME, MODEL_VERSION, VARIANT, Term

_PLACES: Final = (WEATHER_SPAN, FALLBACK_EVENT)

TERMS: Final[tuple[Term, ...]] = (
    Term(
        WEATHER_SPAN,
        "span",
        "",
        (WEATHER_LOOKUPS, WEATHER_MISSING, WEATHER_ORIGIN, WEATHER_HOUR),
        "The weather of a request's flights was looked up; the place and hour of a single flight.",
    ),
    Term(MODEL_SPAN, "span", "", (MODEL_NAME, MODEL_VERSION, MODEL_ROWS), "The model was called."),
    Term(
        SHADOW_SPAN,
        "span",
        "",
        (MODEL_NAME, MODEL_VERSION, VARIANT, MODEL_ROWS),
        "The shadow scored a request's flights; its first prediction's attributes are on it too.",
    ),
    Term(
        FALLBACK_EVENT,
        "event",
        "",
        (WEATHER_ORIGIN, WEATHER_HOUR),
        "On that span: no weather was measured then and there, so that medians stand in.",
    ),
    Term(
        TIMED_OUT_EVENT,
        "event",
        "",
        (TIMED_OUT_SECONDS,),
        "On that span: the look-up took too long, so that medians stand in.",
    ),
    Term(WEATHER_LOOKUPS, "attribute", "int", (WEATHER_SPAN,), "Flights that weather was wanted for."),
    Term(WEATHER_MISSING, "attribute", "int", (WEATHER_SPAN,), "Those of them that medians stand in for."),
    Term(WEATHER_ORIGIN, "attribute", "string", _PLACES, "The airport."),
    Term(WEATHER_HOUR, "attribute", "string", _PLACES, "The hour: RFC 3339, UTC."),
    Term(TIMED_OUT_SECONDS, "attribute", "double", (TIMED_OUT_EVENT,), "How long was waited."),
    Term(MODEL_ROWS, "attribute", "int", (MODEL_SPAN, SHADOW_SPAN), "Flights in the call."),
    Term(
        SKIPPED_METRIC,
        "counter",
        "{prediction}",
        (MODEL_NAME, MODEL_VERSION, REASON),
        "Predictions that got no shadow, by reason.",
    ),
    Term(REASON, "attribute", "string", (SKIPPED_METRIC,), "Why: `queue_full`, `failed` or `stopped`."),
)
