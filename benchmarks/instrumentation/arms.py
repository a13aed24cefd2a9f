"""The arms: ways to instrument one and the same service, and what each must send for every request."""

from dataclasses import dataclass, replace
from typing import Final

# Spelled here and not imported: the arms without our library must be measured without it. A test compares them with the
# library's own names.
DURATION: Final = "http.server.request.duration"
PREDICTION_EVENT: Final = "ml.prediction"
PREDICTION_COUNT: Final = "ml.prediction.count"
MODEL_DURATION: Final = "ml.model.duration"
SCORE: Final = "ml.model.score"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to instrument the service.

    Args:
        name: As in tables and on the command line.
        meaning: One line for the report.
        spans: Spans for every request.
        events: Prediction events for every request.
        totals: Metrics whose last export must add up to the number of requests: histograms' counts, counters' sums.
        spool: Whether the service is given a folder for a disk spool.
    """

    name: str
    meaning: str
    spans: int = 0
    events: int = 0
    totals: tuple[str, ...] = ()
    spool: bool = False

    @property
    def exemplars(self) -> bool:
        """Whether there must be at least one exemplar: all that measure requests inside of sampled spans have some."""
        return DURATION in self.totals


BARE: Final = Arm("bare", "no instrumentation")
OURS: Final = Arm(
    "ours",
    "sightglass: all traces, metrics, prediction events, the ML instruments",
    spans=1,
    events=1,
    totals=(DURATION, PREDICTION_COUNT, MODEL_DURATION, SCORE),
)
SPOOL: Final = replace(OURS, name="ours-spool", meaning="ours with SIGHTGLASS_SPOOL_DIR set", spool=True)
# Server, receive, send of the start, send of the body.
STOCK: Final = Arm("stock", "opentelemetry-instrumentation-fastapi as it comes", spans=4, totals=(DURATION,))
LIGHT: Final = Arm("stock-light", "stock with the receive and send spans off", spans=1, totals=(DURATION,))
EVENT: Final = Arm(
    "stock-event", "stock-light with the same event by the SDK's logger", spans=1, events=1, totals=(DURATION,)
)
# Server, and by default one for each of its own operations: here arguments, endpoint, serialisation.
NATIVE: Final = Arm("native", "FastAPI's own telemetry as it comes", spans=4, totals=(DURATION,))

ARMS: Final = {arm.name: arm for arm in (BARE, OURS, SPOOL, STOCK, LIGHT, EVENT, NATIVE)}
