"""Silences over HTTP."""

import pytest

from .place import FIRING, NOW, PENDING

GOOD = {"matchers": ["severity=~page|ticket"], "duration": "2h", "comment": "rolling back"}


def test_a_silence_is_made_listed_and_ended_under_the_callers_name(place):
    """201 with what it holds back; ended, it stays listed as expired with who ended it."""
    answer = place.post("/silences", GOOD)
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "state": "active",
        "matchers": ['severity=~"page|ticket"'],
        "starts_at": "1970-01-01T02:46:40Z",
        "ends_at": "1970-01-01T04:46:40Z",
        "author": "anonymous",
        "comment": "rolling back",
        "created_at": "1970-01-01T02:46:40Z",
        "ended_by": None,
        "alerts": [FIRING, PENDING],
    }
    assert place.get("/silences", state="active") == {"silences": [made]}
    assert place.get("/silences", state="expired") == {"silences": []}
    place.now = NOW + 60
    ended = place.client.delete(f"/api/v1/silences/{made['id']}")
    assert ended.status_code == 200
    assert ended.json() == {
        **made,
        "state": "expired",
        "ends_at": "1970-01-01T02:47:40Z",
        "ended_by": "anonymous",
        "alerts": [],
    }
    assert place.get("/silences") == {"silences": [ended.json()]}
    lines = place.audit()
    assert [(action, outcome) for action, _, outcome in lines] == [("silence.create", "ok"), ("silence.expire", "ok")]
    assert lines[0][1].startswith(f"{made['id']}: severity")
    assert lines[1][1] == made["id"]


def test_a_silence_may_begin_later(place):
    """It is pending until then, and holds nothing back."""
    later = {**GOOD, "duration": None, "starts_at": "1970-01-01T03:00:00", "ends_at": 15_000}
    made = place.post("/silences", later).json()
    assert (made["state"], made["starts_at"], made["ends_at"]) == (
        "pending",
        "1970-01-01T03:00:00Z",
        "1970-01-01T04:10:00Z",
    )
    assert made["alerts"] == []


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"matchers": []}, "matchers", "at least 1"),
        ({"matchers": ["nonsense"]}, "matchers", "not a matcher"),
        ({"matchers": ["a=~("]}, "matchers", "wrong"),
        ({"matchers": ["a=~.*"]}, "matchers", "silence every alert"),
        ({"matchers": ["a=b"] * 21}, "matchers", "at most 20"),
        ({"matchers": ["a=" + "b" * 1_000]}, "matchers.0", "at most 1000"),
        ({"comment": ""}, "comment", "at least 1"),
        ({"comment": "  "}, "comment", "missing"),
        ({"duration": "soon"}, "duration", "not a duration"),
        ({"duration": "0"}, "duration", "after the start"),
        ({"duration": "999999999w"}, "duration", "a year"),
        ({"duration": None}, "duration", "either"),
        ({"ends_at": 20_000}, "duration", "either"),
        ({"duration": None, "ends_at": 9_000}, "ends_at", "after the start"),
        ({"duration": None, "ends_at": 9_000, "starts_at": 8_000}, "ends_at", "over already"),
        ({"duration": None, "ends_at": "soon"}, "ends_at", "datetime"),
        ({"author": "somebody else"}, "author", "unknown field"),
    ],
)
def test_bad_silences_name_the_field(place, change, field, says):
    """A 422 that says what is wrong; nothing is made."""
    refused = place.post("/silences", {**GOOD, **change})
    assert refused.status_code == 422, refused.text
    (error,) = refused.json()["errors"]
    assert error["field"] == field
    assert says in error["message"]
    assert place.get("/silences") == {"silences": []}


def test_ending_what_is_not_there(place):
    """404, and 422 for what is no id."""
    assert place.client.delete("/api/v1/silences/abc").status_code == 404
    refused = place.client.delete("/api/v1/silences/no_id")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "id")
