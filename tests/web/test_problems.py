"""Every failure is a problem document that names what is wrong."""

import logging

import pytest

from services.web.parameters import check_query
from services.web.problems import ParameterTooLong

JSON = {"content-type": "application/json"}


def problem(response, status):
    """The problem document of `response`, checked for its form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    document = response.json()
    assert document["status"] == status
    assert document["type"]
    assert document["title"]
    assert document["detail"]
    return document


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/things", 405), ("GET", "/things/", 404), ("HEAD", "/things", 405)],
)
def test_unknown_routes_and_methods_are_problems(client, method, path, status):
    """A path or method nobody serves is answered by a problem, and a 405 names the methods."""
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert response.headers["allow"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b'{"items": [{"name": "a"}, {"name": 3}]}', 422, "items.1.name"),
        (b'{"items": [{}]}', 422, "items.0.name"),
        (b'{"items": [{"name": "a", "colour": 1}]}', 422, "items.0.colour"),
        (b'{"items": [], "extra": 1}', 422, "extra"),
        (b"{}", 422, "items"),
        (b"[]", 422, "body"),
        (b"null", 422, "body"),
        (b'"text"', 422, "body"),
        (b'{"items": [', 400, "body"),
        (b'{"items": [}', 400, "body"),
        (b"\xff\xfe", 400, "body"),
        (b'{"items": [{"name": "\xff"}]}', 400, "body"),
        (b'{"items": [{"name": "a\\u0000"}]}', 400, "items.0.name"),
        (b'{"items": [{"name": "\\ud800"}]}', 400, "items.0.name"),
        (b'{"items": [{"\\ud800": "x"}]}', 400, "items.0"),
        (b'{"items": [{"name": "a", "size": NaN}]}', 400, "body"),
        (b'{"items": [{"name": "a", "size": Infinity}]}', 400, "body"),
        (b'{"items": [{"name": "a", "size": -Infinity}]}', 400, "body"),
        (b'{"items": ' + b"[" * 1500, 400, "body"),
        (b'{"items": [{"name": "a", "size": ' + b"9" * 1900 + b"}]}", 422, "items.0.size"),
        (b"", 422, "body"),
    ],
)
def test_bad_bodies_name_the_field(client, body, status, field):
    """Whatever is wrong with a body, the answer is a 4xx that names the field by its dotted path."""
    response = client.post("/things", content=body, headers=JSON)
    document = problem(response, status)
    assert field in [error["field"] for error in document["errors"]]


def test_invalid_json_says_where(client):
    """A body that is not JSON is answered with the position of the mistake."""
    document = problem(client.post("/things", content=b'{"items": [x]}', headers=JSON), 400)
    assert "at character 11" in document["detail"]


def test_a_string_that_only_mentions_nan_is_fine(client):
    """The words NaN and Infinity inside a string are ordinary text; so is a real surrogate pair."""
    body = b'{"items": [{"name": "NaN Infinity \\ud83d\\ude00"}]}'
    response = client.post("/things", content=body, headers=JSON)
    assert response.json()["items"][0]["name"] == "NaN Infinity \U0001f600"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/jsonx"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": ""},
    ],
)
def test_other_content_types_are_415(client, headers):
    """Only plain UTF-8 JSON is read."""
    problem(client.post("/things", content=b'{"items": []}', headers=headers), 415)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8", "application/a.b+json"]
)
def test_json_types_are_taken(client, content_type):
    """JSON under any of its names is read."""
    response = client.post("/things", content=b'{"items": []}', headers={"content-type": content_type})
    assert response.status_code == 200


def test_a_post_without_a_body_needs_no_content_type(client):
    """A route that takes no body can be posted to with none."""
    assert client.post("/poke").status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("minutes=x", 422, "minutes"),
        ("minute=5", 422, "minute"),
        ("filter=" + "a" * 4097, 414, "filter"),
        ("filter=a&" + "n" * 5000 + "=1", 414, "n" * 80),
        ("filter=%00", 422, "filter"),
        ("filter=%ff", 422, "filter"),
        ("filter=%ed%a0%80", 422, "filter"),
        ("minutes=" + "9" * 4000, 422, "minutes"),
    ],
)
def test_bad_parameters_are_named(client, query, status, field):
    """A parameter that is unknown, too long, or unreadable is a 4xx that names it."""
    document = problem(client.get(f"/things?{query}"), status)
    assert field in [error["field"] for error in document["errors"]]


def test_a_query_of_many_parameters_is_bounded_too():
    """Parameters that each fit are refused when they are too much together."""
    with pytest.raises(ParameterTooLong):
        check_query(b"&".join(b"filter=" + b"a" * 4000 for _ in range(17)))


@pytest.mark.parametrize("path", ["/things%00", "/%ff"])
def test_unreadable_paths_are_refused(client, path):
    """A path with NUL or broken UTF-8 is bad input, not a server error."""
    assert problem(client.get(path), 422)["errors"][0]["field"] == "path"


def test_unexpected_errors_are_logged_and_not_shown(client, caplog):
    """A 500 tells the caller nothing of the inside; the log has the stack."""
    with caplog.at_level(logging.ERROR):
        response = client.get("/fail/boom")
    problem(response, 500)
    assert "hunter2" not in response.text
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [RuntimeError]


@pytest.mark.parametrize(
    ("how", "status", "retry"), [("conflict", 409, None), ("unavailable", 503, "7"), ("slow", 504, "3")]
)
def test_problems_carry_their_headers(client, how, status, retry):
    """A raised problem keeps its status and says when to ask again."""
    response = client.get(f"/fail/{how}")
    problem(response, status)
    assert response.headers.get("retry-after") == retry


def test_a_thousand_bad_items_get_a_short_answer(client):
    """The list of errors is cut, and says by how much."""
    body = b'{"items": [' + b",".join(b"{}" for _ in range(300)) + b"]}"
    document = problem(client.post("/things", content=body, headers=JSON), 422)
    assert len(document["errors"]) == 50
    assert document["errors_omitted"] == 250
