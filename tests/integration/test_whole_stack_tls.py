"""`sightglass up` with TLS on every listener, tokens of the APIs and a token of OTLP: it works, and nothing is open."""

import json
import ssl
import stat

import httpx
import psutil
import pytest

from tests.certificates import Certificates
from tests.integration.ml_api import BODY
from tests.integration.stack import Stack
from tests.integration.test_cli_up import NAMES, wait_until

pytestmark = pytest.mark.integration

PROCESSES = ("ML_API", "MONITORING_API", "DASHBOARD", "CLICKHOUSE", "COLLECTOR")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificates in a folder."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def locked(tmp_path_factory, certificates):
    """The stack, and a token of an administrator."""
    env = {
        **certificates.served_by(*PROCESSES),
        "SIGHTGLASS_TLS_CA_FILE": str(certificates.ca),
        "SIGHTGLASS_AUTH": "on",
        "SIGHTGLASS_COLLECTOR_OVERLAYS": '["token", "tls", "production"]',
    }
    stack = Stack(tmp_path_factory.mktemp("locked"), env=env)
    stack.prepare()
    made = stack.cli("tokens", "create", "tester", "--role", "admin", "--json")
    assert made.returncode == 0, made.stderr
    with stack:
        yield stack, json.loads(made.stdout)["token"]


@pytest.fixture
def client(locked, certificates):
    """A client with the token that trusts the authority."""
    trusted = ssl.create_default_context(cafile=certificates.ca)
    with httpx.Client(verify=trusted, timeout=20, headers={"Authorization": f"Bearer {locked[1]}"}) as client:
        yield client


def test_everything_is_up_by_https(locked):
    """Every process is ready, and each is asked by https where it serves that."""
    stack, _ = locked
    result = stack.cli("status", "--json")
    report = json.loads(result.stdout)
    assert result.returncode == 0, result.stdout
    assert [entry["name"] for entry in report["processes"]] == NAMES
    schemes = {entry["name"]: entry["url"].partition(":")[0] for entry in report["processes"] if entry["url"]}
    assert schemes == dict.fromkeys(["clickhouse", "collector", "ml-api", "monitoring-api", "dashboard"], "https")


def test_a_prediction_over_https_is_seen_over_https(locked, client):
    """It goes through the Collector with the token, into ClickHouse over TLS, and is answered with its trace."""
    stack, _ = locked
    made = client.post(f"{stack.url('ml-api')}/v1/predict", json=BODY)
    assert made.status_code == 200, made.text
    path = f"{stack.url('monitoring-api')}/api/v1/predictions/{made.json()['prediction_id']}"

    def seen():
        answer = client.get(path)
        return answer.status_code == 200 and answer.json()["trace"] is not None

    wait_until(seen, 60, lambda: f"{client.get(path).text}\n{stack.log('collector')}")
    # Everybody's telemetry arrives, the Collector's own too.
    health = f"{stack.url('monitoring-api')}/api/v1/pipeline/health"
    expected = {"ml-api", "monitoring-api", "worker", "maintenance", "dashboard", "otelcol", "clickhouse"}
    wait_until(
        lambda: expected <= {each["name"] for each in client.get(health).json()["processes"] if each["state"] == "up"},
        60,
        lambda: client.get(health).text,
    )


def test_the_doctor_finds_it_well_with_a_token(locked, tmp_path):
    """With a token from a file or the variable all is well; without one it says which to give."""
    stack, token = locked
    file = tmp_path / "token"
    file.write_text(token)
    result = stack.cli("doctor", "--json", "--token-file", str(file))
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.returncode == 0, checks
    assert checks["synthetic prediction"]["verdict"] == "ok"
    assert checks["certificates"]["verdict"] == "ok"
    assert checks["secret files"]["verdict"] == "ok"
    for env in ({}, {"SIGHTGLASS_TOKEN": "sgt_wrong"}):
        result = stack.cli("doctor", "--json", "--skip-synthetic", env=env)
        checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
        assert result.returncode == 1
        assert checks["pipeline"]["verdict"] == "failed"
        assert "SIGHTGLASS_TOKEN or --token-file" in checks["pipeline"]["remedy"]
        assert "sgt_wrong" not in result.stdout + result.stderr


def test_a_stranger_gets_nowhere(locked, certificates):
    """No listener speaks plainly, shows a certificate of another authority, or takes anything without a token."""
    stack, _ = locked
    trusted = ssl.create_default_context(cafile=certificates.ca)
    with httpx.Client(verify=trusted, timeout=20) as anonymous:
        assert anonymous.get(f"{stack.url('monitoring-api')}/api/v1/metrics").status_code == 401
        assert anonymous.post(f"{stack.url('ml-api')}/v1/predict", json=BODY).status_code == 401
        otlp = f"{stack.url('collector')}/v1/traces"
        assert anonymous.post(otlp, json={"resourceSpans": []}).status_code == 401
        answer = anonymous.post(stack.url("clickhouse"), content="SELECT 1")
        assert answer.status_code in {401, 403}
    with httpx.Client(verify=ssl.create_default_context(cafile=certificates.other_ca), timeout=20) as stranger:
        for name in ("ml-api", "monitoring-api", "dashboard", "clickhouse", "collector"):
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                stranger.get(stack.url(name))


def test_the_otlp_token_is_made_private_and_stays_out_of_sight(locked):
    """The file is its owner's alone; no process has its content or a person's token among arguments and variables."""
    stack, token = locked
    file = stack.data_dir / "secrets" / "otlp.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_text().strip()
    assert len(secret) >= 40
    for name in NAMES:
        process = psutil.Process(stack.pid(name))
        seen = [*process.cmdline(), *process.environ().values()]
        assert not any(secret in text or token in text for text in seen), name
    logs = "".join(path.read_text(errors="replace") for path in (stack.data_dir / "logs").glob("*.log"))
    assert secret not in logs
    assert token not in logs


def test_a_rotated_otlp_token_needs_no_restart(locked, client):
    """Both old and new are taken while the file names both; senders show the first."""
    stack, _ = locked
    file = stack.data_dir / "secrets" / "otlp.token"
    old = file.read_text().strip()
    file.write_text(f"a-new-token-that-is-long-enough\n{old}\n")

    def taken(token):
        answer = client.post(
            f"{stack.url('collector')}/v1/traces",
            json={"resourceSpans": []},
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer.status_code == 200

    wait_until(lambda: taken("a-new-token-that-is-long-enough"), 60, lambda: stack.log("collector"))
    assert taken(old)
    file.write_text("a-new-token-that-is-long-enough\n")
    wait_until(lambda: not taken(old), 60, lambda: stack.log("collector"))
    test_a_prediction_over_https_is_seen_over_https(locked, client)


def test_the_demo_asks_with_a_token(locked):
    """Without a token it says which to give; with one its flights go through, and every count agrees."""
    stack, token = locked
    without = stack.cli("demo", "--days", "0.02", "--check", "--json", timeout=300)
    assert without.returncode == 1
    assert "SIGHTGLASS_TOKEN" in without.stderr
    env = {"SIGHTGLASS_TOKEN": token}
    result = stack.cli("demo", "--days", "0.02", "--check", "--json", timeout=600, env=env)
    assert result.returncode == 0, result.stdout + result.stderr
    assert token not in result.stdout + result.stderr
