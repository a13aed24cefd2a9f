"""The outbox and the channels over HTTP."""

from services.monitoring_api.notify.outbox import enqueue, mark_abandoned, mark_delivered, mark_failed
from tests.notify.messages import firing

from .place import FIRING, NOW


def _message(number, **given):
    known = {
        "channel": "hook",
        "incident": f"i{number}",
        "fingerprint": FIRING,
        "idempotency_key": f"key{number}",
        "group_key": f"g{number}",
        "created_at": NOW - 100 + number,
    }
    return firing(**{**known, **given})


def _filled(place):
    """Five messages: delivered, failing, untried, given up, and one of a channel that is gone."""

    def work(connection):
        ids = [enqueue(connection, _message(number)) for number in range(4)]
        ids.append(enqueue(connection, _message(4, channel="gone")))
        mark_delivered(connection, ids[0], at=NOW - 90, receipt="200 OK")
        mark_failed(connection, ids[1], next_attempt_at=NOW + 30, error="connection refused")
        mark_abandoned(connection, ids[3], at=NOW - 5, error="404 no such hook")
        return ids

    return place.run(work)


def test_every_message_is_listed_with_what_became_of_it(place):
    """Newest first, by state, channel and alert; a message tells alerts, attempts and reason."""
    ids = _filled(place)
    listed = place.get("/notifications")["notifications"]
    assert [one["id"] for one in listed] == ids[::-1]
    assert [one["state"] for one in listed] == ["waiting", "abandoned", "waiting", "waiting", "delivered"]
    failing = listed[3]
    assert (failing["attempts"], failing["detail"], failing["reason"]) == (1, "connection refused", "first")
    assert failing["next_attempt_at"] == "1970-01-01T02:47:10Z"
    assert failing["alerts"][0]["fingerprint"] == FIRING
    assert failing["alerts"][0]["alertname"] == "TooManyErrors"
    ids_of = {
        name: [one["id"] for one in place.get("/notifications", **query)["notifications"]]
        for name, query in {
            "abandoned": {"state": "abandoned"},
            "gone": {"channel": "gone"},
            "alert": {"fingerprint": FIRING, "state": "delivered"},
            "other": {"fingerprint": "abc"},
        }.items()
    }
    assert ids_of == {"abandoned": [ids[3]], "gone": [ids[4]], "alert": [ids[0]], "other": []}


def test_pages_repeat_nothing(place):
    """The cursor leads through all of them."""
    ids = _filled(place)
    seen, cursor = [], None
    while True:
        page = place.get("/notifications", limit=2, **({} if cursor is None else {"cursor": cursor}))
        seen += [one["id"] for one in page["notifications"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ids[::-1]


def test_what_was_given_up_is_sent_again(place):
    """It waits from now on; what was not given up is a 409, what is not there a 404; each is in the audit log."""
    ids = _filled(place)
    again = place.post(f"/notifications/{ids[3]}/resend")
    assert (again.status_code, again.json()) == (200, {"resent": [ids[3]]})
    (one,) = [each for each in place.get("/notifications")["notifications"] if each["id"] == ids[3]]
    assert (one["state"], one["resent_at"]) == ("waiting", "1970-01-01T02:46:40Z")
    assert place.post(f"/notifications/{ids[0]}/resend").status_code == 409
    assert place.post("/notifications/999/resend").status_code == 404
    assert place.post("/notifications/x/resend").json()["errors"][0]["field"] == "id"
    assert place.audit() == [
        ("notification.resend", str(ids[3]), "ok"),
        ("notification.resend", str(ids[0]), "failed"),
        ("notification.resend", "999", "failed"),
        ("notification.resend", "x", "failed"),
    ]


def test_channels_tell_whether_messages_get_through(place, monkeypatch):
    """Where each sends to, what it lacks, since when it fails and why; also one that is only in the outbox."""
    _filled(place)
    monkeypatch.delenv("HOOK_URL", raising=False)
    answer = place.get("/channels")
    assert answer["error"] is None
    log, hook, gone = answer["channels"]
    assert (log["name"], log["type"], log["state"], log["missing"]) == ("log", "log", "idle", None)
    assert {name: hook[name] for name in ("state", "waiting", "abandoned", "reason", "last_delivered_at")} == {
        "state": "failing",
        "waiting": 2,
        "abandoned": 1,
        "reason": "connection refused",
        "last_delivered_at": "1970-01-01T02:45:10Z",
    }
    # The message is older, but the channel delivered one since.
    assert hook["failing_since"] == "1970-01-01T02:45:10Z"
    assert "HOOK_URL" in hook["missing"]
    assert (gone["name"], gone["type"], gone["state"], gone["waiting"]) == ("gone", "", "waiting", 1)


def test_no_secret_stands_in_an_answer(place, monkeypatch):
    """A webhook's URL may hold a token: only its variable is named."""
    monkeypatch.setenv("HOOK_URL", "http://127.0.0.1:9/s3cret")
    assert "s3cret" not in place.client.get("/api/v1/channels").text
    tested = place.post("/channels/hook/test")
    assert tested.status_code == 200
    assert tested.json()["delivered"] is False
    assert "s3cret" not in tested.text


def test_a_test_is_a_verdict_and_audited(place):
    """200 when it was delivered and when it was not; 404 only for a channel that is not there."""
    good = place.post("/channels/log/test")
    assert (good.status_code, good.json()["delivered"], good.json()["channel"]) == (200, True, "log")
    place.file.write_text("channels:\n  - {name: log, type: log}\n  - {name: bad, type: webhook}\n")
    bad = place.post("/channels/bad/test")
    assert (bad.status_code, bad.json()["delivered"]) == (200, False)
    assert "line 3" in bad.json()["detail"]
    assert "line 3" in place.get("/channels")["error"] or ":3:" in place.get("/channels")["error"]
    assert place.post("/channels/none/test").status_code == 404
    assert [line[1:] for line in place.audit()] == [("log", "ok"), ("bad", "ok"), ("none", "failed")]
