"""Tokens with real processes: two workers of the ML API and the monitoring API on one file of tokens."""

import itertools
import json
import stat
import time

import httpx
import psutil
import pytest

from services.ml_api.making import make_model
from tests.integration.guarded_apis import GuardedApis

pytestmark = pytest.mark.integration
ML_API, MONITORING_API = "services.ml_api", "services.monitoring_api"
REVOKED_WITHIN_SECONDS = 5


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """A models folder with two versions: the active one's name, and the other's."""
    folder = tmp_path_factory.mktemp("models")
    active = make_model(folder / "models", cache_folder=folder, every=100).card.version
    return (
        folder / "models",
        active,
        make_model(folder / "models", cache_folder=folder, every=150, activate=False).card.version,
    )


@pytest.fixture
def apis(tmp_path, versions):
    """``apis(**env)`` are both APIs on a new data folder, not started; they are stopped at the end."""
    made = []

    def apis(**env):
        made.append(GuardedApis(tmp_path, SIGHTGLASS_ML_API_MODELS_DIR=str(versions[0]), **env))
        return made[-1]

    yield apis
    for each in made:
        each.stop()


def test_a_token_works_at_once_and_a_revoked_one_stops_in_every_process_within_5_seconds(apis):
    """Made, rotated and revoked at the command line while both APIs run; each of their workers follows."""
    running = apis()
    running.start(ML_API, MONITORING_API)
    running.wait()
    assert running.statuses({}) == {401}
    first = running.token("ci", "--role", "viewer")
    assert running.statuses(first) == {200}

    turned = json.loads(running.sightglass("tokens", "rotate", "ci", "--overlap", "1s", "--json"))
    second = {"authorization": f"Bearer {turned['token']}"}
    assert running.statuses(second) == {200}
    running.until(lambda: running.statuses(first) == {401}, 10)

    running.sightglass("tokens", "revoke", "ci")
    revoked_at = time.monotonic()
    last_admitted = revoked_at
    while True:
        # When it was asked counts: on a busy machine the answer may take longer than the promise.
        asked_at = time.monotonic()
        if running.statuses(second) == {401}:
            break
        last_admitted = asked_at
        assert asked_at - revoked_at < 60
    assert last_admitted - revoked_at < REVOKED_WITHIN_SECONDS
    assert running.statuses(second) == {401}
    assert {line["action"] for line in running.audited("cli")} == {"token.create", "token.rotate", "token.revoke"}
    secrets = [headers["authorization"][7 + 17 :] for headers in (first, second)]
    kept = [path for path in running.folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_a_megabyte_of_token_is_a_401_at_once(apis):
    """No server limit stands in front of it, and nothing of it is hashed."""
    running = apis()
    running.start(ML_API, MONITORING_API)
    running.wait()
    huge = {"authorization": "Bearer " + "x" * 1_000_000}
    for url in (f"{running.ml_api}/v1/models", f"{running.monitoring_api}/api/v1/metrics"):
        assert running.get(url, huge).status_code == 401
        assert running.get(f"{url}?access_token=hunter2").status_code == 400
    assert "hunter2" not in running.log(ML_API) + running.log(MONITORING_API)


def test_a_promotion_goes_through_the_monitoring_api_and_stands_in_both_audit_logs(apis, versions):
    """With the caller's token and user, under one trace; an ML API that hangs or is away is a 504 or 503."""
    _, active, other = versions
    running = apis(OTEL_SDK_DISABLED="false", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    running.start(ML_API, MONITORING_API)
    running.wait()
    running.until(lambda: running.get(f"{running.ml_api}/readyz").status_code == 200)
    url = f"{running.monitoring_api}/api/v1/models/flight-delay/promote"
    viewer = running.token("viewer", "--role", "viewer")
    dashboard = running.token("dashboard", "--role", "admin", "--delegate")
    ann = {**dashboard, "x-sightglass-user": "ann", "x-sightglass-role": "admin"}

    assert running.post(url, {"version": other}, viewer).status_code == 403
    assert running.post(url, {"version": other}, {**ann, "x-sightglass-role": "operator"}).status_code == 403
    assert running.post(url, {"version": "000000000000"}, ann).status_code == 404
    done = running.post(url, {"version": other}, ann)
    assert (done.status_code, done.json()) == (200, {"name": "flight-delay", "active": other, "previous": active})
    models = running.get(f"{running.ml_api}/v1/models", viewer).json()["models"]
    assert models[0]["active"] == other

    here, there = running.audited("monitoring-api")[-1], running.audited("ml-api")[-1]
    for line in (here, there):
        assert (line["action"], line["target"]) == ("model.promote", f"flight-delay/{other}")
        assert (line["actor"], line["on_behalf_of"], line["outcome"]) == ("dashboard", "ann", "ok")
    assert here["trace_id"] == there["trace_id"]
    assert len(here["trace_id"]) == 32
    for process in ("monitoring-api", "ml-api"):
        assert stat.S_IMODE((running.folder / "audit" / f"{process}.jsonl").stat().st_mode) == 0o600

    running.sightglass("models", "rollback")
    assert running.audited("cli")[-1]["action"] == "model.rollback"

    server = running.running[ML_API]
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        started = time.monotonic()
        hangs = running.post(url, {"version": other}, ann)
        assert (hangs.status_code, int(hangs.headers["retry-after"]) > 0) == (504, True)
        assert time.monotonic() - started < 6
    finally:
        for process in family:
            process.resume()
    server.terminate()
    server.wait(20)
    del running.running[ML_API]
    away = running.post(url, {"version": other}, ann)
    assert (away.status_code, int(away.headers["retry-after"]) > 0) == (503, True)
    assert [line["status"] for line in running.audited("monitoring-api")[-2:]] == [504, 503]


def test_promoting_works_without_tokens_on_loopback(apis, versions):
    """As everything does there by default."""
    _, active, other = versions
    running = apis(SIGHTGLASS_AUTH="auto")
    running.start(ML_API, MONITORING_API)
    running.wait()
    running.until(lambda: running.get(f"{running.ml_api}/readyz").status_code == 200)
    before = running.get(f"{running.ml_api}/v1/models").json()["models"][0]["active"]
    version = other if before == active else active
    url = f"{running.monitoring_api}/api/v1/models/flight-delay/promote"
    assert running.post(url, {"version": version}).json()["active"] == version
    assert running.audited("monitoring-api")[-1]["actor"] == "anonymous"


@pytest.mark.parametrize("module", [ML_API, MONITORING_API])
def test_nobody_listens_beyond_loopback_without_a_token(apis, module):
    """It says which command makes one; with one it is served there, and asks for it."""
    running = apis(SIGHTGLASS_AUTH="auto", SIGHTGLASS_ML_API_HOST="0.0.0.0", SIGHTGLASS_MONITORING_API_HOST="0.0.0.0")
    assert "sightglass tokens create" in running.fails(module)
    token = running.token("ci", "--role", "viewer", "--expires", "1d")
    url = running.ml_api if module == ML_API else running.monitoring_api
    path = "/v1/models" if module == ML_API else "/api/v1/metrics"
    running.start(module)
    running.until(lambda: running.get(f"{url}/healthz"))
    assert running.get(url + path).status_code == 401
    assert running.get(url + path, token).status_code == 200
    (running.folder / "secrets" / "tokens.json").chmod(0o644)
    assert running.get(url + path, token).status_code == 503
    assert "chmod 600" in running.log(module)
    assert "chmod 600" in running.fails(module)


def limited(running, *forwarded):
    """Ask with bad tokens and one X-Forwarded-For after the other, until one is told to wait; gives the first status.

    An item is the values of one request's lines of that header.
    """
    statuses = []
    deadline = time.monotonic() + 30
    with httpx.Client(headers={"authorization": "Bearer x"}, trust_env=False) as client:
        for lines in itertools.cycle(forwarded):
            headers = [("x-forwarded-for", line) for line in lines]
            statuses.append(client.get(f"{running.monitoring_api}/api/v1/metrics", headers=headers).status_code)
            if statuses[-1] == 429:
                break
            assert time.monotonic() < deadline, statuses
    return statuses[0]


def client_written_down(running, forwarded):
    """The address in the audit log of who tries what they may not."""
    headers = {**running.token("op", "--role", "operator"), "x-forwarded-for": forwarded}
    url = f"{running.monitoring_api}/api/v1/models/flight-delay/promote"
    assert running.post(url, {"version": "v2"}, headers).status_code == 403
    return running.audited("monitoring-api")[-1]["client"]


def test_behind_a_trusted_proxy_each_client_is_limited_by_itself(apis):
    """By the address that the proxy appended: what a client wrote before it changes nothing, as one line or several."""
    running = apis(SIGHTGLASS_MONITORING_API_TRUSTED_PROXIES='["127.0.0.1"]')
    good = running.token("ci", "--role", "viewer")
    running.start(MONITORING_API)
    running.until(lambda: running.get(f"{running.monitoring_api}/healthz"))
    claimed = [f"198.51.100.{number}" for number in range(200)]
    assert limited(running, *([f"{one}, 203.0.113.7"] for one in claimed)) == 401
    assert limited(running, *([one, "203.0.113.8"] for one in claimed)) == 401
    bad = {"authorization": "Bearer x", "x-forwarded-for": "203.0.113.9"}
    assert running.get(f"{running.monitoring_api}/api/v1/metrics", bad).status_code == 401
    through = {**good, "x-forwarded-for": "203.0.113.7"}
    assert running.get(f"{running.monitoring_api}/api/v1/metrics", through).status_code == 200
    assert client_written_down(running, "9.9.9.9, 203.0.113.10:1234") == "203.0.113.10"


@pytest.mark.parametrize("trusted", ["[]", '["10.9.9.9"]'])
def test_nobody_else_is_believed_of_where_they_come_from(apis, trusted):
    """With an address made up for each request they are one client; uvicorn's own variable says nothing."""
    running = apis(
        SIGHTGLASS_MONITORING_API_TRUSTED_PROXIES=trusted,
        SIGHTGLASS_MONITORING_API_RATE_LIMIT="50",
        FORWARDED_ALLOW_IPS="*",
    )
    running.token("ci", "--role", "viewer")
    running.start(MONITORING_API)
    running.until(lambda: running.get(f"{running.monitoring_api}/healthz"))
    assert limited(running, *([f"203.0.113.{number}"] for number in range(200))) == 401
    assert client_written_down(running, "203.0.113.9") == "127.0.0.1"


def test_who_asks_too_often_is_told_to_wait(apis):
    """Each worker counts by itself; the answer is a problem with a Retry-After."""
    running = apis(SIGHTGLASS_MONITORING_API_RATE_LIMIT="5")
    token = running.token("ci", "--role", "viewer")
    running.start(MONITORING_API)
    running.until(lambda: running.get(f"{running.monitoring_api}/healthz"))
    with httpx.Client(headers=token, trust_env=False) as client:
        deadline = time.monotonic() + 30
        while (answer := client.get(f"{running.monitoring_api}/nowhere")).status_code == 404:
            assert time.monotonic() < deadline
    assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (429, True)
    assert answer.headers["content-type"] == "application/problem+json"
