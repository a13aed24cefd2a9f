"""What was sent and what arrived, and the rule by which a run is invalid."""

from dataclasses import dataclass, field, fields

from benchmarks.instrumentation.arms import Arm


@dataclass(frozen=True, slots=True)
class Counts:
    """Items of each signal."""

    spans: int = 0
    log_records: int = 0
    metric_points: int = 0
    exemplars: int = 0

    def __sub__(self, before: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) - getattr(before, each.name) for each in fields(Counts)))


@dataclass(frozen=True, slots=True)
class Sent:
    """What left the service, read off the wire before the Collector.

    Args:
        counts: Items in all requests, repeated ones too.
        events: Log records that are prediction events.
        compressed: Request bodies that were compressed.
        refused: Requests that the Collector did not accept.
        bytes: Length of all bodies.
    """

    counts: Counts = Counts()
    events: int = 0
    compressed: int = 0
    refused: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What the Collector counted.

    Args:
        counts: Items that it accepted and passed on.
        totals: Of the last export, by metric: the sum of histograms' counts or of a counter's values.
    """

    counts: Counts = Counts()
    totals: dict[str, float] = field(default_factory=dict)


def differences(arm: Arm, requests: int, sent: Sent, counted: Counted) -> list[str]:
    """Why this arm's figures are invalid; empty when they are not.

    Everything is compared with what the load itself asks for, with what left the service, and with what the Collector
    counted, so that neither a silent drop nor a repeated delivery passes.

    Args:
        arm: What was measured.
        requests: Requests that were answered with success, those of the warm-up included.
        sent: What left the service.
        counted: What the Collector counted.
    """
    found = []

    def compare(what: str, wanted: float, got: float) -> None:
        if wanted != got:
            found.append(f"{arm.name}: {what}: {wanted:,.0f} wanted, {got:,.0f} counted")

    compare("spans that left, by the load", arm.spans * requests, sent.counts.spans)
    compare("prediction events that left, by the load", arm.events * requests, sent.events)
    for each in fields(Counts):
        name = each.name.replace("_", " ")
        compare(f"{name} at the Collector", getattr(sent.counts, each.name), getattr(counted.counts, each.name))
    for metric in arm.totals:
        compare(f"total of {metric} at the Collector", requests, counted.totals.get(metric, 0))
    compare("compressed bodies", 0, sent.compressed)
    compare("refused exports", 0, sent.refused)
    if arm.exemplars and not counted.counts.exemplars:
        found.append(f"{arm.name}: no exemplars at all")
    return found
