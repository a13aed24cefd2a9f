"""Who may ask, how much, and what every answer carries."""

import pytest

from services.web.hosts import HostRule
from tests.web.conftest import build_app

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("localhost", True),
        ("localhost:8002", True),
        ("LOCALHOST.", True),
        ("127.0.0.1:1", True),
        ("127.8.8.8", True),
        ("[::1]:8002", True),
        ("things.example.org:80", True),
        ("a.inner.example.org", True),
        ("inner.example.org", False),
        ("evil.example.com", False),
        ("localhost.evil.example.com", False),
        ("127.0.0.1.evil.example.com", False),
        ("evil@localhost.evil", False),
        ("10.0.0.1", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_hosts(client, host, admitted):
    """Loopback and configured names are answered, everything else is a 421."""
    response = client.get("/healthz", headers={"host": host})
    assert (response.status_code == 200) is admitted
    if not admitted:
        assert response.status_code == 421
        assert response.json()["errors"][0]["field"] == "Host"


def test_a_star_admits_every_host():
    """`*` switches the check off."""
    assert HostRule(["*"]).admits("anything.example")


def test_other_origins_may_read_nothing_and_change_nothing(client):
    """A foreign page's POST is refused even without a body; our own and tools' pass."""
    assert client.post("/poke", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/poke", headers={"origin": "null"}).status_code == 403
    assert client.post("/poke", headers={"origin": "http://["}).status_code == 403
    assert client.post("/poke", headers={"origin": "http://localhost@evil.example"}).status_code == 403
    assert client.post("/poke", headers={"origin": "http://localhost:8501"}).status_code == 200
    assert client.post("/poke").status_code == 200


def test_long_bodies_are_413(client):
    """A body over the limit is refused, one at the limit is not."""
    fits = b'{"items": []}'.ljust(2000)
    assert client.post("/things", content=fits, headers=JSON).status_code == 200
    response = client.post("/things", content=fits + b" ", headers=JSON)
    assert response.status_code == 413
    assert response.json()["errors"][0]["field"] == "body"


@pytest.mark.anyio
async def test_a_chunked_body_is_refused_before_it_is_all_read(tmp_path):
    """Without Content-Length the answer comes as soon as the limit is passed; the rest stays unread."""
    asked = 0
    sent = []

    async def receive():
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 500, "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/things",
        "raw_path": b"/things",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
        ],
    }
    await build_app(tmp_path)(scope, receive, send)
    assert sent[0]["status"] == 413
    assert asked == 5


@pytest.fixture
def anyio_backend():
    """asyncio, which is what uvicorn runs."""
    return "asyncio"


def test_the_landing_page_speaks_html_and_json(client):
    """`/` is a page for browsers, escaped, and a document for programs."""
    page = client.get("/", headers={"accept": "text/html"})
    assert '<a href="/openapi.json">OpenAPI &lt;document&gt;</a>' in page.text
    document = client.get("/").json()
    assert document == {"service": "things", "version": "1.2.3", "links": {"OpenAPI <document>": "/openapi.json"}}


def test_every_answer_has_security_headers(client):
    """Success, problem and page alike forbid framing and sniffing."""
    for path in ("/", "/healthz", "/nowhere", "/fail/boom"):
        headers = client.get(path).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")


def test_openapi_names_the_problem_document(client):
    """The document promises problem+json for failures and does not mention FastAPI's own error body."""
    document = client.get("/openapi.json").json()
    responses = document["paths"]["/things"]["post"]["responses"]
    assert set(responses) == {"200", "4XX", "5XX"}
    assert list(responses["4XX"]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
