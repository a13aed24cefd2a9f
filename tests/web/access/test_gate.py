"""The gate in front of an application: who is let in, what is answered, and what is written down."""

import json
import stat
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from services.web.access.authentication import Verdict
from services.web.access.caller import UNASKED
from services.web.access.delegation import act_for_user
from services.web.access.register import revoke_tokens
from services.web.access.scopes import Role
from services.web.problems import BadInput
from services.web.request_body import BodyLimits
from sightglass import instrument
from sightglass.testing import in_memory_telemetry
from tests.web.conftest import build_app
from tests.web.routes import every_route, filled

from .conftest import bearer

FOR_ANN = {"x-sightglass-user": "Ann Müller".encode(), "x-sightglass-role": "operator"}


def audited(tmp_path):
    """The lines of the audit log."""
    path = tmp_path / "audit" / "things.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_without_tokens_on_loopback_everything_is_open(client):
    """As long as nobody else can come."""
    assert client.post("/poke").status_code == 200
    assert client.get("/things").status_code == 200


def test_every_route_is_closed_but_the_health_checks(asking, make, tmp_path):
    """Whatever route there is, 401 without a token."""
    client = asking()
    open_ones = set()
    for method, path in every_route(client.app):
        answer = client.request(method, filled(path))
        if answer.status_code != 401:
            open_ones.add((method, path, answer.status_code))
    assert open_ones == {("GET", "/healthz", 200)}
    assert client.get("/nowhere").status_code == 401


def test_a_route_that_the_table_forgets_asks_for_admin_and_is_written_down(asking, make, tmp_path):
    """New routes are closed to all but administrators until somebody says what they need."""
    client = asking()

    @client.app.delete("/forgotten/{name}")
    async def forgotten(name: str) -> dict[str, str]:
        return {"gone": name}

    operator, admin = make("op", Role.OPERATOR)[1], make("root", Role.ADMIN)[1]
    refused = client.delete("/forgotten/x", headers=bearer(operator))
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]
    assert client.delete("/forgotten/x", headers=bearer(admin)).status_code == 200
    assert [(line["action"], line["target"], line["status"]) for line in audited(tmp_path)] == [
        ("DELETE", "/forgotten/x", 200)
    ]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, {"get": 200, "read": 200, "operate": 403}),
        (Role.OPERATOR, {"get": 200, "read": 200, "operate": 200}),
        (Role.INGEST, {"get": 403, "read": 403, "operate": 403}),
        (Role.ADMIN, {"get": 200, "read": 200, "operate": 200}),
    ],
)
def test_a_role_opens_what_its_scopes_say(asking, make, role, allowed):
    """And a 403 names the scope that is lacking."""
    client, headers = asking(), bearer(make(role=role)[1])
    answers = {
        "get": client.get("/things", headers=headers),
        "read": client.post("/things", json={"items": []}, headers=headers),
        "operate": client.post("/poke", headers=headers),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == allowed
    for name, answer in answers.items():
        if answer.status_code == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert f"scope {'operate' if name == 'operate' else 'read'}" in answer.json()["detail"]


def test_whatever_is_wrong_the_answer_is_the_same(asking, make, file):
    """Missing, malformed, unknown, wrong, expired, revoked, a megabyte: equal bytes, equal headers."""
    client = asking()
    _, good = make("good")
    _, expired = make("old", expires_in=0)
    _, revoked = make("gone")
    revoke_tokens(file, "gone", datetime.now(UTC))
    wrong = [{}, {"authorization": "Bearer"}, bearer("x"), bearer("x" * 1_000_000), bearer(good[:-1])]
    wrong += [bearer(good[:-1] + "~"), bearer(good[:17] + "A" * 43), bearer(f"sgt_{'0' * 12}_{'A' * 43}")]
    wrong += [bearer(expired), bearer(revoked), {"authorization": good}, {"authorization": "Basic Zm9vOmJhcg=="}]
    answers = [client.post("/things", json={"items": []}, headers=headers) for headers in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].headers["cache-control"] == "no-store"
    assert client.post("/things", json={"items": []}, headers=bearer(good)).status_code == 200


def test_nobody_s_body_is_read(asking, monkeypatch):
    """A stranger's megabytes are not even looked at."""
    seen = []
    read = BodyLimits.__call__

    async def watching(self, scope, receive, send):
        seen.append(scope["path"])
        await read(self, scope, receive, send)

    monkeypatch.setattr(BodyLimits, "__call__", watching)
    client = asking()
    assert client.post("/things", content=b"x" * 5000).status_code == 401
    assert seen == []


def test_a_broken_tokens_file_lets_nobody_in_and_says_nothing_of_itself(asking, make, file):
    """503, to be asked again; the log has the reason."""
    client, (_, text) = asking(), make()
    file.path.write_bytes(b"{")
    answer = client.get("/things", headers=bearer(text))
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert str(file.path) not in answer.text
    assert client.get("/healthz").status_code == 200


URLS = [
    "/things?token=hunter2secret",
    "/things?minutes=5&ACCESS_TOKEN=hunter2secret",
    "/things?api_key=hunter2secret",
    "/things?api-key=hunter2secret",
    "/things?%61uthorization=Bearer+hunter2secret",
    "/things?a=1;token=hunter2secret",
    "/things?filter=sgt_0123456789ab_hunter2secret",
    "/things?sgt_0123456789ab_hunter2secret",
    "/things?filter=%73gt_0123456789ab_hunter2secret",
    "/nowhere/sgt_0123456789ab_hunter2secret",
    "/nowhere/sgt%5f0123456789ab_hunter2secret",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("auth", ["auto", "on"])
def test_a_token_in_the_url_is_refused_and_stands_nowhere(tmp_path, url, auth, caplog):
    """Not in the answer, the log or the request's span, also where no token is asked for."""
    with in_memory_telemetry("things") as telemetry:
        app = build_app(tmp_path, auth=auth)
        instrument(app, service_name="things")
        with TestClient(app, base_url="http://localhost") as client:
            answer = client.get(url)
        assert answer.status_code == 400
        assert answer.json()["title"] == "Token in the URL"
        assert "hunter2secret" not in answer.text + str(answer.headers) + caplog.text
        (span,) = telemetry.spans
        assert "hunter2secret" not in span.to_json()
        assert span.attributes["url.path"] == "REDACTED"
        points = telemetry.metrics["sightglass.access.refusals"].data.data_points
        assert [(dict(point.attributes), point.value) for point in points] == [({"reason": "in_url"}, 1)]


def test_user_info_of_a_url_is_refused(client):
    """A client makes Basic authorization of it; some leave it in the Host."""
    token = f"sgt_0123456789ab_{'A' * 43}"
    assert client.get("/things", auth=(token, "")).status_code == 400
    assert client.get("/things", auth=("x", token)).status_code == 400
    assert client.get("/things", headers={"host": f"{token}@localhost"}).status_code == 400
    assert client.get("/things", auth=("x", "y")).status_code == 200


def test_refusals_are_counted_by_reason(tmp_path, make):
    """The metric tells what the answer does not."""
    make("old", expires_in=0)
    _, viewer = make("viewer")
    with in_memory_telemetry("things") as telemetry:
        app = build_app(tmp_path, auth="on")
        instrument(app, service_name="things")
        with TestClient(app, base_url="http://localhost") as client:
            client.get("/things")
            client.get("/things", headers=bearer("x"))
            client.get("/things", headers=bearer(viewer[:17] + "A" * 43))
            client.post("/poke", headers=bearer(viewer))
            client.get("/things", headers=bearer(viewer, **FOR_ANN))
            client.get("/things", headers=bearer(viewer))
        points = telemetry.metrics["sightglass.access.refusals"].data.data_points
        counted = {point.attributes["reason"]: point.value for point in points}
    assert counted == {"missing": 1, "malformed": 1, "wrong": 1, "scope": 1, "delegation": 1}


def test_a_delegate_acts_for_users_with_no_more_than_both_may(asking, make, tmp_path):
    """The user's role limits the token, and the token the role; the audit log has both."""
    client = asking()
    _, dashboard = make("dashboard", Role.OPERATOR, delegate=True)
    viewer = {**FOR_ANN, "x-sightglass-role": "viewer"}
    admin = {**FOR_ANN, "x-sightglass-role": "admin"}
    assert client.post("/poke", headers=bearer(dashboard, **FOR_ANN)).status_code == 200
    assert client.post("/poke", headers=bearer(dashboard, **viewer)).status_code == 403
    assert client.get("/things", headers=bearer(dashboard, **viewer)).status_code == 200
    assert client.delete("/nowhere", headers=bearer(dashboard, **admin)).status_code == 403
    lines = [(line["actor"], line["on_behalf_of"], line["outcome"]) for line in audited(tmp_path)]
    assert lines == [("dashboard", "Ann Müller", "ok"), ("dashboard", "Ann Müller", "refused")]


def test_other_tokens_act_for_nobody(asking, make):
    """Not even an administrator's, unless it was made for that."""
    client, (_, admin) = asking(), make("root", Role.ADMIN)
    answer = client.get("/things", headers=bearer(admin, **FOR_ANN))
    assert answer.status_code == 403
    assert "--delegate" in answer.json()["detail"]
    only_role = client.get("/things", headers=bearer(admin, **{"x-sightglass-role": "viewer"}))
    assert only_role.status_code == 403


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"x-sightglass-user": "ann"}, "X-Sightglass-Role"),
        ({"x-sightglass-role": "viewer"}, "X-Sightglass-User"),
        ({"x-sightglass-user": "a" * 257, "x-sightglass-role": "viewer"}, "X-Sightglass-User"),
        ({"x-sightglass-user": " ", "x-sightglass-role": "viewer"}, "X-Sightglass-User"),
        ({"x-sightglass-user": "a\tb", "x-sightglass-role": "viewer"}, "X-Sightglass-User"),
        ({"x-sightglass-user": "ann", "x-sightglass-role": "root"}, "X-Sightglass-Role"),
        ({"x-sightglass-user": "ann", "x-sightglass-role": "ingest"}, "X-Sightglass-Role"),
    ],
)
def test_unusable_names_of_users_are_named(asking, make, headers, field):
    """A 422 that says which header."""
    answer = asking().get("/things", headers=bearer(make(delegate=True)[1], **headers))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_names_are_utf_8():
    """Anything else is refused: it would stand in the audit log as nobody wrote it. Twice is not taken either."""
    headers = [(b"x-sightglass-user", b"\xff"), (b"x-sightglass-role", b"viewer")]
    with pytest.raises(BadInput, match="not UTF-8"):
        act_for_user(Verdict(UNASKED, delegate=True), headers)
    with pytest.raises(BadInput, match="more than once"):
        act_for_user(Verdict(UNASKED, delegate=True), [(b"x-sightglass-user", b"ann")] * 2 + headers[1:])


def test_a_name_of_256_characters_is_taken(asking, make):
    """Whatever their bytes."""
    headers = bearer(
        make(delegate=True)[1], **{"x-sightglass-user": ("ü" * 256).encode(), "x-sightglass-role": "viewer"}
    )
    assert asking().get("/things", headers=headers).status_code == 200


def test_without_tokens_users_are_held_to_their_role_all_the_same(client, tmp_path):
    """What a dashboard on this machine says of its users counts."""
    assert client.post("/poke", headers={**FOR_ANN, "x-sightglass-role": "viewer"}).status_code == 403
    assert client.post("/poke", headers=FOR_ANN).status_code == 200
    lines = [(line["actor"], line["on_behalf_of"], line["outcome"]) for line in audited(tmp_path)]
    assert lines == [("anonymous", "Ann Müller", "refused"), ("anonymous", "Ann Müller", "ok")]


def test_the_audit_log_has_what_was_done_and_what_was_refused(tmp_path, make):
    """One line each, with all that was promised, for its owner only; what is not an operator's action has none."""
    token, text = make("op", Role.OPERATOR)
    viewer, viewers = make("viewer")
    with in_memory_telemetry("things") as telemetry:
        app = build_app(tmp_path, auth="on")
        instrument(app, service_name="things")
        with TestClient(app, base_url="http://localhost") as client:
            client.post("/poke", headers=bearer(text))
            client.post("/poke", headers=bearer(viewers))
            client.post("/poke", content=b"x", headers=bearer(text))
            client.post("/poke")
            client.post("/things", json={"items": []}, headers=bearer(text))
            client.post("/no/such/thing")
            client.post("/no/such/thing", headers=bearer(text))
        traces = [f"{span.context.trace_id:032x}" for span in telemetry.spans]
    lines = audited(tmp_path)
    assert lines[0] == {
        "time": lines[0]["time"],
        "process": "things",
        "actor": "op",
        "token_id": token.id,
        "on_behalf_of": None,
        "action": "thing.poke",
        "target": None,
        "outcome": "ok",
        "status": 200,
        "trace_id": traces[0],
        "client": "testclient",
    }
    assert abs((datetime.now(UTC) - datetime.fromisoformat(lines[0]["time"])).total_seconds()) < 60
    assert [(line["actor"], line["token_id"], line["outcome"], line["status"]) for line in lines[1:]] == [
        ("viewer", viewer.id, "refused", 403),
        ("op", token.id, "failed", 415),
        ("anonymous", None, "refused", 401),
    ]
    path = tmp_path / "audit" / "things.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert text not in path.read_text()


def test_a_revoked_token_s_attempt_stands_under_its_name(asking, make, file, tmp_path):
    """It is known whose it was; that of a guess is not."""
    token, text = make("gone", Role.ADMIN)
    revoke_tokens(file, "gone", datetime.now(UTC))
    client = asking()
    client.post("/poke", headers=bearer(text))
    client.post("/poke", headers=bearer(text[:17] + "A" * 43))
    assert [(line["actor"], line["token_id"]) for line in audited(tmp_path)] == [
        ("gone", token.id),
        ("anonymous", None),
    ]


def test_what_cant_be_written_down_is_not_done(client, tmp_path):
    """A full or broken disk stops operators, not those who look."""
    (tmp_path / "audit").write_text("in the way")
    done = []

    @client.app.delete("/count")
    async def count() -> None:
        done.append(1)

    answer = client.delete("/count")
    assert (answer.status_code, done) == (503, [])
    assert "audit log" in answer.json()["detail"]
    assert client.get("/things").status_code == 200


def test_a_failure_of_ours_is_written_down_too(tmp_path):
    """What happened is not known then; that it was tried is."""
    app = build_app(tmp_path)

    @app.delete("/boom")
    async def boom() -> None:
        raise RuntimeError

    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    assert client.delete("/boom").status_code == 500
    assert [(line["action"], line["outcome"], line["status"]) for line in audited(tmp_path)] == [
        ("DELETE", "failed", 500)
    ]


@pytest.mark.anyio
async def test_nothing_but_http_comes_through(tmp_path):
    """A WebSocket is closed at once."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/things", "headers": [], "query_string": b""}
    await build_app(tmp_path, auth="on")(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.fixture
def anyio_backend():
    """asyncio, which is what uvicorn runs."""
    return "asyncio"


def test_openapi_says_what_each_route_needs(asking, make, client):
    """Where tokens are asked for, the document has the scheme and the scopes; elsewhere it has neither."""
    document = asking().get("/openapi.json", headers=bearer(make()[1])).json()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["paths"]["/poke"]["post"]["security"] == [{"bearer": []}]
    assert document["paths"]["/poke"]["post"]["x-required-scope"] == "operate"
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_a_client_that_asks_too_often_waits(asking, make, tmp_path):
    """Each token has its share; a 429 says how long to wait, and stands in the audit log where it was an action."""
    client = asking(rate_limit=5)
    one, other = bearer(make("one", Role.OPERATOR)[1]), bearer(make("other")[1])
    answers = [client.post("/poke", headers=one) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert client.get("/things", headers=other).status_code == 200
    assert len([line for line in audited(tmp_path) if line["status"] == 429]) == len(refused)


def test_strangers_are_slowed_down_and_others_at_their_address_are_not(asking, make, tmp_path):
    """A flood of bad tokens is answered 429 and not written down; good ones from the same address go through."""
    client, (_, good) = asking(rate_limit=1000), make()
    answers = {client.post("/poke", headers=bearer("x")).status_code for _ in range(40)}
    assert answers == {401, 429}
    assert client.get("/things", headers=bearer(good)).status_code == 200
    assert {line["status"] for line in audited(tmp_path)} == {401}


def test_without_tokens_addresses_are_counted(tmp_path):
    """Loopback has no limit of its own."""
    limited = TestClient(build_app(tmp_path, rate_limit=5), base_url="http://localhost")
    assert {limited.get("/things").status_code for _ in range(20)} == {200, 429}
    free = TestClient(build_app(tmp_path), base_url="http://localhost")
    assert {free.get("/things").status_code for _ in range(300)} == {200}


def test_pages_of_other_origins_get_nothing_unless_they_are_named(tmp_path):
    """CORS is closed; opened, it is so for exactly the named origins, also for changes."""
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    app, evil = {"origin": "https://app.example.org"}, {"origin": "https://evil.example"}
    closed = TestClient(build_app(tmp_path), base_url="http://localhost")
    assert "access-control-allow-origin" not in closed.options("/poke", headers={**app, **preflight}).headers
    assert "access-control-allow-origin" not in closed.get("/things", headers=app).headers
    opened = TestClient(
        build_app(tmp_path, cors_origins=("https://app.example.org",), auth="on"), base_url="http://localhost"
    )
    allowed = opened.options("/poke", headers={**app, **preflight})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, app["origin"])
    assert allowed.headers["x-content-type-options"] == "nosniff"
    assert opened.options("/poke", headers={**evil, **preflight}).status_code == 400
    assert opened.post("/poke", headers=evil).status_code == 403
    assert opened.post("/poke", headers={"origin": "http://localhost"}).status_code == 403
    assert opened.post("/poke", headers={"origin": "http://app.example.org"}).status_code == 403
    stranger = opened.post("/poke", headers=app)
    assert (stranger.status_code, stranger.headers["access-control-allow-origin"]) == (401, app["origin"])
    assert "access-control-allow-origin" not in opened.get("/healthz", headers=evil).headers


@pytest.mark.parametrize("origin", ["*", "app.example.org", "https://app.example.org/", "ftp://x", "https://", "null"])
def test_what_is_no_origin_is_refused(tmp_path, origin):
    """A star too: it would let every page in."""
    with pytest.raises(ValueError, match="not an origin"):
        build_app(tmp_path, cors_origins=(origin,))
