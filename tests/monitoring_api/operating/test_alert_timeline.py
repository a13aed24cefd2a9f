"""When alerts were pending or firing, over HTTP."""

from typing import Any

import pytest
import sqlalchemy as sa

from services.monitoring_api.alerting.store import alert_events
from services.monitoring_api.routes import alert_timeline as told

from .place import FIRING, NOW, PENDING, Place

GONE = "00000000000000e5"


def happened(place: Place, fingerprint: str, *events: tuple[str, float]) -> None:
    """Add to what is known to have happened to an alert."""
    rows = [
        {"fingerprint": fingerprint, "rule": "Gone", "kind": kind, "at": at, "cause": "condition"}
        for kind, at in events
    ]
    place.run(lambda connection: connection.execute(sa.insert(alert_events), rows))


def stretches(answer: Any, fingerprint: str) -> list[tuple[str, str, str | None]]:
    """State, beginning and end of what an alert did, by the clock."""
    (mine,) = [one for one in answer["alerts"] if one["fingerprint"] == fingerprint]
    return [(one["state"], one["from"][11:-1], one["to"] and one["to"][11:-1]) for one in mine["stretches"]]


def test_stretches_begin_when_they_did_also_before_the_range(place: Place) -> None:
    """What lasts has no end; an alert without events has what its state says; labels come along."""
    answer = place.get("/alerts/timeline", **{"from": str(NOW - 920), "to": "now"})
    assert stretches(answer, FIRING) == [("firing", "02:31:00", None)]
    assert stretches(answer, PENDING) == [("pending", "02:46:30", None)]
    assert [one["rule"] for one in answer["alerts"]] == ["Warm", "Burning"]
    assert answer["alerts"][1]["labels"] == {"alertname": "Burning", "severity": "page"}
    assert (answer["truncated"], answer["known_from"]) == (False, answer["from"])
    whole = place.get("/alerts/timeline", **{"from": "0", "to": "now"})
    assert stretches(whole, FIRING) == [("pending", "02:30:00", "02:31:00"), ("firing", "02:31:00", None)]


def test_an_alert_that_is_no_longer_kept_is_told_of(place: Place) -> None:
    """Its history is, without labels; what ended before the range is not, and a range that ends sees no later end."""
    happened(
        place, GONE, ("pending", 1000), ("cancelled", 1060), ("pending", 5000), ("fired", 5000), ("resolved", 5600)
    )
    answer = place.get("/alerts/timeline", **{"from": "2000", "to": "now"})
    assert stretches(answer, GONE) == [("firing", "01:23:20", "01:33:20")]
    (mine,) = [one for one in answer["alerts"] if one["fingerprint"] == GONE]
    assert (mine["rule"], mine["labels"]) == ("Gone", {})
    assert stretches(place.get("/alerts/timeline", **{"from": "5500", "to": "now"}), GONE)[0][1] == "01:23:20"
    assert stretches(place.get("/alerts/timeline", **{"from": "900", "to": "5500"}), GONE) == [
        ("pending", "00:16:40", "00:17:40"),
        ("firing", "01:23:20", None),
    ]
    assert GONE not in str(place.get("/alerts/timeline", **{"from": "5600", "to": "now"})["alerts"])


def test_where_the_first_events_were_forgotten_the_range_begins_it(place: Place) -> None:
    """What ends must have begun: no earlier than is known."""
    happened(place, GONE, ("resolved", 5600))
    answer = place.get("/alerts/timeline", **{"from": "5000", "to": "now"})
    assert stretches(answer, GONE) == [("firing", "01:23:20", "01:33:20")]


def test_it_is_bounded_and_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many changes the newest are told, and what was active before them goes on being so."""
    flapping = [(("fired", "resolved")[n % 2], 5000.0 + n) for n in range(9)]
    happened(place, GONE, *flapping)
    happened(place, "00000000000000e6", ("fired", 4000), ("resolved", 9500))
    monkeypatch.setattr(told, "MOST_EVENTS", 6)
    monkeypatch.setattr(told, "MOST_ALERTS", 2)
    answer = place.get("/alerts/timeline", **{"from": "3000", "to": "now"})
    assert answer["known_from"] == "1970-01-01T01:23:25Z"
    assert (len(answer["alerts"]), answer["truncated"]) == (2, True)
    monkeypatch.setattr(told, "MOST_ALERTS", 9)
    answer = place.get("/alerts/timeline", **{"from": "3000", "to": "now"})
    assert stretches(answer, "00000000000000e6") == [("firing", "01:06:40", "02:38:20")]
    assert stretches(answer, GONE) == [("firing", "01:23:26", "01:23:27"), ("firing", "01:23:28", None)]
    assert not answer["truncated"]


@pytest.mark.parametrize("query", [{"from": "soon"}, {"from": "now", "to": "now-1h"}, {"frm": "now-1h"}])
def test_a_range_that_is_none_is_refused(place: Place, query: dict[str, str]) -> None:
    """422, which names the field."""
    refused = place.client.get("/api/v1/alerts/timeline", params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] in {"from", "to", "frm"}


def test_before_any_worker_ran_nothing_is_told(empty: Place) -> None:
    """An empty answer, and reading makes no store."""
    assert empty.get("/alerts/timeline", **{"from": "100"})["alerts"] == []
    assert not list(empty.folder.glob("worker/*"))
