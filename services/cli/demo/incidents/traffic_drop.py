"""Callers stay away: whatever sends the requests lets through a small part of them."""

from dataclasses import dataclass
from typing import Final

from services.cli.demo.incidents.incident import Planted, Scene, Story
from services.cli.demo.schedule import Departure

_ONE_IN: Final = 25


@dataclass(frozen=True)
class TrafficDrop:
    """Of each 25 flights one is asked about."""

    story: Story

    def plant(self, scene: Scene, now: float) -> Planted:  # noqa: ARG002 - it begins with the next flight
        """Begin to leave flights out."""
        if scene.traffic is not None:
            scene.traffic.send_only(_is_asked_about)
        return {}

    def mend(self, scene: Scene, planted: Planted) -> None:  # noqa: ARG002 - traffic is all there is
        """Ask about every flight again."""
        if scene.traffic is not None:
            scene.traffic.send_only(None)


def _is_asked_about(departure: Departure) -> bool:
    # Its last bytes: the first ones say when within its minute it leaves.
    return int.from_bytes(departure.seed[-4:], "big") % _ONE_IN == 0


TRAFFIC_DROP: Final = TrafficDrop(
    Story(
        "traffic-drop",
        f"Callers stay away: of {_ONE_IN} flights one is asked about.",
        "TrafficDropped",
        8,
        "The request rate falls, and nothing else changes: no errors, no slow requests, a whole pipeline.",
        "history?metric=request_rate&filter=service%3Dml-api&compare=previous",
    )
)
