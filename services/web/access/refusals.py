"""Counts who is not let in, by reason."""

from typing import Final

from opentelemetry import metrics

from sightglass.attributes import Term
from sightglass.telemetry import current

REFUSALS_METRIC: Final = "sightglass.access.refusals"
REASON: Final = "reason"
IN_URL: Final = "in_url"
SCOPE: Final = "scope"
DELEGATION: Final = "delegation"
RATE: Final = "rate"
CONCURRENCY: Final = "concurrency"
UNCHECKED: Final = "unchecked"

TERMS: Final[tuple[Term, ...]] = (
    Term(REFUSALS_METRIC, "counter", "{request}", (REASON,), "Requests that were not let in, by reason."),
    Term(
        REASON,
        "attribute",
        "string",
        (REFUSALS_METRIC,),
        "Of a token: `missing`, `malformed`, `unknown`, `wrong`, `expired`, `revoked`, `in_url`, or `unchecked` where "
        "the file of tokens can't be used; else `scope`, `delegation`, `rate` or `concurrency`.",
    ),
)


class Refusals:
    """The counter. It is made at the first refusal: telemetry starts after the application was built."""

    def __init__(self) -> None:
        self._counter: metrics.Counter | None = None

    def count(self, reason: str) -> None:
        """One more."""
        if self._counter is None:
            telemetry = current()
            provider = metrics.get_meter_provider() if telemetry is None else telemetry.meter_provider
            self._counter = provider.get_meter("services.web").create_counter(
                REFUSALS_METRIC, unit="{request}", description=TERMS[0].meaning
            )
        self._counter.add(1, {REASON: reason})
