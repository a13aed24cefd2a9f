"""Alerts over HTTP: who looks after them, what holds them back, and what they did before."""

from services.monitoring_api.notify.acknowledgements import acknowledge
from services.monitoring_api.notify.silences import create_silence
from services.monitoring_api.notify.tables import acknowledgements

from .place import FIRING, NOW, PENDING, QUIET, rows


def _alert(place, fingerprint):
    return next(one for one in place.get("/alerts")["alerts"] if one["fingerprint"] == fingerprint)


def test_history_is_paged_and_repeats_nothing(place):
    """Newest first; the cursor leads through all of it, each event once."""
    whole = place.get(f"/alerts/{FIRING}/history")
    assert whole["rule"] == "Burning"
    assert [event["kind"] for event in whole["events"]] == ["recovered", "failing", "fired", "pending"]
    assert whole["events"][1] == {
        "id": whole["events"][1]["id"],
        "kind": "failing",
        "at": "1970-01-01T02:31:40Z",
        "value": None,
        "cause": "error",
        "error": "ClickHouse is away",
    }
    assert whole["next_cursor"] is None
    seen, cursor = [], None
    while True:
        page = place.get(f"/alerts/{FIRING}/history", limit=3, **({} if cursor is None else {"cursor": cursor}))
        seen += page["events"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == whole["events"]


def test_an_alert_without_history_has_an_empty_one_and_an_unknown_alert_none(place):
    """200 and 404, and 422 for what is no fingerprint."""
    assert place.get(f"/alerts/{QUIET}/history")["events"] == []
    assert place.client.get("/api/v1/alerts/dead/history").status_code == 404
    refused = place.client.get("/api/v1/alerts/no-such/history")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "fingerprint")


def test_taking_a_firing_alert_on_is_kept_shown_and_audited(place):
    """The author is the caller; the next firing is nobody's again."""
    given = place.post(f"/alerts/{FIRING}/acknowledge", {"comment": "on it"})
    assert given.status_code == 200
    assert given.json() == {
        "fingerprint": FIRING,
        "incident": f"{FIRING}-9060000",
        "author": "anonymous",
        "comment": "on it",
        "at": "1970-01-01T02:46:40Z",
    }
    shown = _alert(place, FIRING)
    assert (shown["acknowledged_by"], shown["acknowledgement"]) == ("anonymous", "on it")
    assert shown["acknowledged_at"] == "1970-01-01T02:46:40Z"
    assert place.audit() == [("alert.acknowledge", FIRING, "ok")]
    place.run(lambda c: acknowledge(c, incident=f"{FIRING}-1", fingerprint=FIRING, author="old", now=1.0))
    assert _alert(place, FIRING)["acknowledged_by"] == "anonymous"


def test_only_what_fires_is_taken_on(place):
    """A pending one is a 409, an unknown one a 404; nothing is kept of either."""
    assert place.post(f"/alerts/{PENDING}/acknowledge", {}).status_code == 409
    assert place.post("/alerts/dead/acknowledge", {}).status_code == 404
    assert place.run(lambda connection: rows(connection, acknowledgements)) == []
    assert place.audit() == [("alert.acknowledge", PENDING, "failed"), ("alert.acknowledge", "dead", "failed")]


def test_bad_acknowledgements_name_the_field(place):
    """A comment that is too long, of another type, or an author who is said by somebody else."""
    for body, field in (
        ({"comment": "x" * 2_001}, "comment"),
        ({"comment": 7}, "comment"),
        ({"comment": "", "author": "somebody else"}, "author"),
    ):
        refused = place.post(f"/alerts/{FIRING}/acknowledge", body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


def test_what_holds_an_alert_back_is_told(place):
    """Silences by their ids; inhibitions, by the notifications file, in words."""
    made = place.run(
        lambda c: create_silence(c, ["alertname=Burning"], ends_at=NOW + 60, author="a", comment="c", now=NOW)
    )
    assert _alert(place, FIRING)["silenced_by"] == [made.id]
    assert _alert(place, PENDING)["silenced_by"] == []
    place.now = NOW + 61
    assert _alert(place, FIRING)["silenced_by"] == []
    place.file.write_text("inhibit:\n  - {source: [alertname=Other], target: [alertname=Burning]}\n")
    assert _alert(place, FIRING)["inhibited_by"] is None
    place.file.write_text("inhibit: nonsense\n")
    assert _alert(place, FIRING)["inhibited_by"] is None


def test_before_any_worker_ran_there_is_nothing_and_nothing_can_be_done(empty):
    """Lists are empty, actions a 503 that says what to start, and no file is made."""
    assert empty.get("/alerts")["alerts"] == []
    assert empty.get("/silences") == {"silences": []}
    assert empty.get("/notifications") == {"notifications": [], "next_cursor": None}
    assert {channel["state"] for channel in empty.get("/channels")["channels"]} == {"idle"}
    silence = {"matchers": ["a=b"], "duration": "1h", "comment": "c"}
    for answer in (
        empty.post(f"/alerts/{FIRING}/acknowledge", {}),
        empty.post("/silences", silence),
        empty.client.delete("/api/v1/silences/abc"),
        empty.post("/notifications/1/resend"),
    ):
        assert answer.status_code == 503, answer.text
        assert "sightglass status" in answer.json()["detail"]
        assert "Retry-After" in answer.headers
    assert not (empty.folder / "worker").exists()


def test_a_store_that_can_t_be_read_is_a_503_everywhere(empty):
    """A file that is no database is a problem document with Retry-After, not a crash."""
    (empty.folder / "worker").mkdir()
    (empty.folder / "worker" / "alerts.sqlite").write_bytes(b"this is not a database" * 100)
    for path in ("/alerts", f"/alerts/{FIRING}/history", "/silences", "/channels", "/notifications"):
        answer = empty.client.get(f"/api/v1{path}")
        assert answer.status_code == 503, path
        assert answer.headers["content-type"] == "application/problem+json"
