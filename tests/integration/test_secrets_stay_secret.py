"""Markers planted as every secret there is are found nowhere but where secrets lie."""

import json
import re
import time
from contextlib import closing

import clickhouse_connect
import httpx
import psutil
import pytest

from tests.integration.ml_api import FLIGHT
from tests.integration.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MARK = "CANARY"
CHANNELS = """
channels:
  - {name: hook, type: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN, allow_private: true}
  - {name: slack, type: slack, url_file: SLACK_FILE, allow_private: true}
  - {name: mail, type: email, host: 127.0.0.1, port: 9, tls: none, from: a@example.org, to: [b@example.org],
     username: u, password_env: SMTP_PASSWORD}
routes:
  - {channels: [hook, slack, mail]}
"""
# Written by whoever operates: secrets by variable.
VARIABLES = {
    "SIGHTGLASS_ENTITY_SALT": f"{MARK}-salt",
    "SIGHTGLASS_DASHBOARD_API_TOKEN": f"{MARK}-dashboard-token",
    "HOOK_URL": f"http://{MARK}-user:{MARK}-pass@127.0.0.1:9/{MARK}-path?key={MARK}-key",
    "HOOK_TOKEN": f"{MARK}-hook-token",
    "SMTP_PASSWORD": f"{MARK}-smtp",
    "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={MARK}-otlp-header",
}
USERS = ("collector", "reader", "maintainer", "migrator")


class Planted:
    """A stack that knows only marked secrets, and everything that it has said."""

    def __init__(self, folder):
        notifications = folder / "notifications.yaml"
        slack = folder / "slack.url"
        slack.write_text(f"http://127.0.0.1:9/services/{MARK}-slack")
        folder.joinpath("oidc.toml").write_text(f'[auth]\ncookie_secret = "{MARK}-cookie"\n')
        notifications.write_text(CHANNELS.replace("SLACK_FILE", str(slack)))
        self.stack = Stack(
            folder,
            env={
                **VARIABLES,
                "SIGHTGLASS_AUTH": "on",
                "SIGHTGLASS_COLLECTOR_OVERLAYS": '["token"]',
                "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE": str(notifications),
            },
        )
        self.stack.prepare()
        secrets = self.stack.data_dir / "secrets"
        secrets.mkdir(mode=0o700)
        for user in USERS:
            self._keep(secrets / f"clickhouse-{user}.password", f"p{MARK}{user}")
        self._keep(secrets / "otlp.token", f"otlp_{MARK}_{'x' * 20}")
        self.said = {}
        self.token = json.loads(self.run("tokens", "create", "me", "--role", "admin", "--json", secret=True))["token"]

    @staticmethod
    def _keep(path, text):
        path.write_text(text)
        path.chmod(0o600)

    @property
    def marks(self):
        """What must not be found."""
        return (MARK, self.token.rpartition("_")[2])

    def run(self, *words, secret=False, **variables):
        """Run a verb and keep what it prints; `secret` where a secret is what was asked for."""
        done = self.stack.cli(*words, env=variables, timeout=300)
        if not secret:
            self.said[" ".join(words)] = done.stdout + done.stderr
        return done.stdout

    def ask(self, name, path, *, token=None, method="GET", **options):
        """One request and its answer, headers too."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        answer = httpx.request(method, self.stack.url(name) + path, headers=headers, timeout=20, **options)
        self.said[f"{method} {path} {answer.status_code} {len(self.said)}"] = f"{answer.headers}\n{answer.text}"
        return answer


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Everything used as it is, wrongly too, and still running."""
    planted = Planted(tmp_path_factory.mktemp("planted"))
    stack = planted.stack
    with stack:
        body = {"features": FLIGHT, "entity_id": "somebody"}
        made = planted.ask("ml-api", "/v1/predict", method="POST", json=body)
        assert made.status_code == 200, made.text
        identifier = made.json()["prediction_id"]
        deadline = time.monotonic() + 60
        while planted.ask("monitoring-api", f"/api/v1/predictions/{identifier}").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.3)
        for name, path in (("ml-api", "/v1/models"), ("monitoring-api", "/api/v1/metrics")):
            # Known shapes of wrong: cut, of another, in the URL, and one of somebody who pastes the wrong thing.
            for wrong in (planted.token[:-1], f"{MARK}-pasted", f"sgt_0123456789ab_{MARK}{'x' * 37}"):
                assert planted.ask(name, path, token=wrong).status_code == 401
            assert planted.ask(name, f"{path}?token={planted.token}").status_code == 400
            assert planted.ask(name, f"{path}?access_token={MARK}-in-url").status_code == 400
        planted.ask("monitoring-api", "/api/v1/models/flight-delay/promote", method="POST", json={"version": "none"})
        for words in (
            ("settings",),
            ("settings", "--json"),
            ("status", "--json"),
            ("doctor", "--json"),
            ("tokens", "list", "--json"),
            ("channels", "list", "--json"),
            *(("channels", "test", name) for name in ("hook", "slack", "mail")),
            ("migrate", "--dry-run"),
            ("collector", "validate"),
        ):
            planted.run(*words, SIGHTGLASS_TOKEN=planted.token)
        planted.run("up", "--detach", SIGHTGLASS_WORKER_POOL_SIZE=f"{MARK}-no-number")
        yield planted


def found(planted, texts):
    """Where a mark stands, with what is around it."""
    pattern = re.compile(".{0,80}(?:" + "|".join(map(re.escape, planted.marks)) + ").{0,40}", re.DOTALL)
    return {place: hit.group() for place, text in texts.items() if (hit := pattern.search(text))}


def test_the_marks_are_the_secrets_in_use(planted):
    """The test would find nothing if nothing were planted: ClickHouse lets the marked password in, and no other."""
    assert planted.stack.password("reader") == f"p{MARK}reader"
    assert planted.stack.clickhouse("SELECT 1") == [(1,)]
    assert planted.ask("ml-api", "/v1/models").status_code == 200


def test_no_answer_and_no_command_tells_a_secret(planted):
    """Answers with their headers, errors too, and what every verb prints."""
    # A value that a setting refuses is quoted, for whoever typed it has to find it; that is not where a secret belongs.
    said = {what: text for what, text in planted.said.items() if what != "up --detach"}
    assert len(said) > 20
    assert found(planted, said) == {}


def test_no_process_has_a_secret_among_its_arguments(planted):
    """Arguments are seen by everybody on the machine."""
    arguments = {}
    for process in psutil.process_iter(["pid", "cmdline"]):
        arguments[process.info["pid"]] = " ".join(process.info["cmdline"] or [])
    ours = [line for line in arguments.values() if "services.ml_api" in line or "otelcol" in line]
    assert ours
    assert found(planted, arguments) == {}


def test_no_file_but_the_secrets_own_holds_one(planted):
    """Logs, the audit log, the supervisor's state, the query log, the alert store, whatever else lies in the folder."""
    files = [
        path
        for path in planted.stack.data_dir.rglob("*")
        if path.is_file() and "secrets" not in path.relative_to(planted.stack.data_dir).parts
    ]
    names = {path.name for path in files}
    assert {"ml-api.log", "worker.log", "monitoring-api.jsonl", "cli.jsonl"} <= names
    texts = {}
    for path in files:
        try:
            texts[str(path)] = path.read_bytes().decode("latin-1")
        except OSError:  # gone meanwhile: ClickHouse merges
            continue
    assert found(planted, texts) == {}


def test_telemetry_holds_no_secret(planted):
    """Whole rows of every table, as text."""
    client = clickhouse_connect.get_client(
        host="127.0.0.1",
        port=planted.stack.ports["clickhouse"],
        username="reader",
        password=planted.stack.password("reader"),
        database="otel",
    )
    with closing(client):
        tables = [name for (name,) in client.query("SHOW TABLES").result_rows if not name.endswith("_ingest")]
        assert {"otel_traces", "otel_logs", "otel_metrics_sum", "predictions"} <= set(tables)
        rows = {
            name: client.raw_query(f"SELECT * FROM `{name}` LIMIT 100000", fmt="JSONEachRow").decode("latin-1")
            for name in tables
        }
    assert rows["otel_traces"]
    assert found(planted, rows) == {}
