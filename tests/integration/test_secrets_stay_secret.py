"""Markers planted as every secret there is are found nowhere but where secrets lie."""

import json
import os
import re
import ssl
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import clickhouse_connect
import httpx
import psutil
import pytest

from services.cli.settings_catalogue import all_settings
from tests.certificates import Certificates
from tests.cli.processes import PROCESSES
from tests.integration.ml_api import FLIGHT
from tests.integration.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

MARK = "CANARY"
CHANNELS = """
channels:
  - {name: hook, type: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN, allow_private: true}
  - {name: slack, type: slack, url_file: SLACK_FILE, allow_private: true}
  - {name: mail, type: email, host: 127.0.0.1, port: 9, tls: starttls, from: a@example.org, to: [b@example.org],
     username: u, password_env: SMTP_PASSWORD}
routes:
  - {channels: [hook, slack, mail], group_wait: 0s, group_interval: 0s}
"""
# Nobody answers at this provider, which is one more thing to complain of without telling what one knows.
OIDC = f"""[auth]
redirect_uri = "https://127.0.0.1:PORT/oauth2callback"
cookie_secret = "{MARK}-cookie-{"c" * 32}"
client_id = "sightglass"
client_secret = "{MARK}-client"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""
# No settings of ours: the channels' file names them, or the SDK reads them.
VARIABLES = {
    "HOOK_URL": f"http://127.0.0.1:9/{MARK}-path?key={MARK}-key",
    "HOOK_TOKEN": f"{MARK}-hook-token",
    "SMTP_PASSWORD": f"{MARK}-smtp",
    "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={MARK}-otlp-header",
}
# Of these each stands in for a file, or for a store that is not there: verbs and single processes are told.
INSTEAD = {
    "SIGHTGLASS_ENTITY_SALT": f"{MARK}-salt",
    "SIGHTGLASS_DASHBOARD_API_TOKEN": f"{MARK}-dashboard-token",
    "SIGHTGLASS_WORKER_STORE_URL": f"postgresql://worker:{MARK}-pass@127.0.0.1:9/alerts",
    "SIGHTGLASS_WORKER_HEARTBEAT_URL": f"http://127.0.0.1:9/{MARK}-sign",
}
USERS = ("collector", "reader", "maintainer", "migrator")
LOGINS = {
    "COLLECTOR": "collector",
    "MONITORING_API": "reader",
    "WORKER": "reader",
    "MAINTENANCE": "maintainer",
    "MIGRATE": "migrator",
}
SERVING = ("ML_API", "MONITORING_API", "DASHBOARD", "CLICKHOUSE", "COLLECTOR")


class Planted:
    """A stack that knows only marked secrets, and everything that it has said."""

    def __init__(self, folder):
        self.certificates = Certificates(folder / "certificates")
        self.trusted = ssl.create_default_context(cafile=self.certificates.ca)
        notifications = folder / "notifications.yaml"
        slack = folder / "slack.url"
        slack.write_text(f"http://127.0.0.1:9/services/{MARK}-slack")
        notifications.write_text(CHANNELS.replace("SLACK_FILE", str(slack)))
        self.stack = Stack(
            folder,
            env={
                **VARIABLES,
                **self.certificates.served_by(*SERVING),
                "SIGHTGLASS_TLS_CA_FILE": str(self.certificates.ca),
                "SIGHTGLASS_AUTH": "on",
                "SIGHTGLASS_COLLECTOR_OVERLAYS": '["token", "tls"]',
                "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE": str(notifications),
                "SIGHTGLASS_DASHBOARD_VIEWERS": '["ann@example.org"]',
            },
        )
        self.stack.prepare()
        secrets = self.stack.data_dir / "secrets"
        secrets.mkdir(mode=0o700)
        for user in USERS:
            self._keep(secrets / f"clickhouse-{user}.password", f"p{MARK}{user}")
        port = self.stack.ports["dashboard"]
        self.stack.env |= {
            "SIGHTGLASS_ENTITY_SALT_FILE": self._keep(folder / "entity.salt", f"{MARK}-salt-file"),
            "SIGHTGLASS_MIGRATE_CLICKHOUSE_URL": self.stack.url("clickhouse"),
            "SIGHTGLASS_OTLP_TOKEN_FILE": self._keep(secrets / "otlp.token", f"otlp_{MARK}_{'x' * 20}"),
            "SIGHTGLASS_COLLECTOR_TOKEN_FILE": str(secrets / "otlp.token"),
            "SIGHTGLASS_MONITORING_API_CACHE_URL": "redis://127.0.0.1:9",
            "SIGHTGLASS_MONITORING_API_CACHE_PASSWORD_FILE": self._keep(folder / "cache.password", f"{MARK}-cache"),
            "SIGHTGLASS_MONITORING_API_ALERT_STORE_URL": f"postgresql://reader:{MARK}/slash@127.0.0.1:9/alerts",
            "SIGHTGLASS_WORKER_HEARTBEAT_URL_FILE": self._keep(folder / "sign.url", f"http://127.0.0.1:9/{MARK}-file"),
            "SIGHTGLASS_DASHBOARD_OIDC_FILE": self._keep(folder / "oidc.toml", OIDC.replace("PORT", str(port))),
            **{
                f"SIGHTGLASS_{name}_CLICKHOUSE_PASSWORD_FILE": str(secrets / f"clickhouse-{user}.password")
                for name, user in LOGINS.items()
            },
        }
        self.said = {}
        self.token = self._token("me", "--role", "admin")
        delegate = self._token("dashboard", "--role", "operator", "--delegate")
        self.stack.env["SIGHTGLASS_DASHBOARD_API_TOKEN_FILE"] = self._keep(folder / "dashboard.token", delegate)
        self.instead = {**INSTEAD, "SIGHTGLASS_TOKEN": self.token}
        key = [line for line in self.certificates.key.read_text().splitlines() if not line.startswith("--")]
        self.marks = (MARK, *(token.split("_", 2)[2] for token in (self.token, delegate)), *key)

    @staticmethod
    def _keep(path, text):
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)

    def _token(self, name, *options):
        return json.loads(self.run("tokens", "create", name, *options, "--json", secret=True))["token"]

    def run(self, *words, secret=False, **variables):
        """Run a verb and keep what it prints; `secret` where a secret is what was asked for."""
        done = self.stack.cli(*words, env=variables, timeout=300)
        if not secret:
            self.said[" ".join(words)] = done.stdout + done.stderr
        return done.stdout

    def begin(self, process, **variables):
        """Start a process that can't go on with these, and keep its last words."""
        done = subprocess.run(
            [sys.executable, "-m", *PROCESSES[process]],
            env={**self.stack.env, "SIGHTGLASS_DATA_DIR": str(self.stack.data_dir), **variables},
            cwd=self.stack.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode != 0
        assert done.stderr
        self.said[f"{process} with {', '.join(variables)}"] = done.stdout + done.stderr

    def ask(self, name, path, *, token=None, method="GET", **options):
        """One request and its answer, headers too."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        url = self.stack.url(name) + path
        answer = httpx.request(method, url, headers=headers, timeout=20, verify=self.trusted, **options)
        self.said[f"{method} {path} {answer.status_code} {len(self.said)}"] = f"{answer.headers}\n{answer.text}"
        return answer

    def clickhouse(self, user):
        """A client of ClickHouse with a marked password."""
        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.stack.ports["clickhouse"],
            interface="https",
            ca_cert=str(self.certificates.ca),
            username=user,
            password=self.stack.password(user),
            database="otel",
        )


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
        assert planted.ask("monitoring-api", "/api/v1/alerts").status_code == 503
        for path in ("/", "/auth/login", "/oauth2callback?code=none&state=none"):
            planted.ask("dashboard", path)
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
            ("up",),
        ):
            # With two salts nothing goes on but what only looks.
            left_out = set() if words[0] in {"settings", "status", "up"} else {"SIGHTGLASS_ENTITY_SALT"}
            planted.run(*words, **{name: value for name, value in planted.instead.items() if name not in left_out})
        planted.begin("DASHBOARD", SIGHTGLASS_DASHBOARD_API_TOKEN=INSTEAD["SIGHTGLASS_DASHBOARD_API_TOKEN"])
        planted.begin("WORKER", SIGHTGLASS_WORKER_STORE_URL=INSTEAD["SIGHTGLASS_WORKER_STORE_URL"])
        for process in PROCESSES:
            planted.begin(process, SIGHTGLASS_ENTITY_SALT=INSTEAD["SIGHTGLASS_ENTITY_SALT"])
        planted.run("up", "--detach", SIGHTGLASS_WORKER_POOL_SIZE=f"{MARK}-no-number")
        yield planted


def found(planted, texts):
    """Where a mark stands, with what is around it."""
    pattern = re.compile(".{0,80}(?:" + "|".join(map(re.escape, planted.marks)) + ").{0,40}", re.DOTALL)
    return {place: hit.group() for place, text in texts.items() if (hit := pattern.search(text))}


def test_every_secret_that_a_setting_holds_is_planted(planted):
    """A new secret setting fails here until this test knows it; each variable, file or URL holds a mark."""
    secret = {
        setting.name
        for setting in all_settings()
        if setting.secret or setting.secret_file or setting.name.endswith("STORE_URL")
    }
    given = {**planted.stack.env, **planted.instead}
    assert {name for name in secret if name not in given} == set()
    values = {name: Path(given[name]).read_text() if name.endswith("_FILE") else given[name] for name in secret}
    assert {name for name, value in values.items() if not any(mark in value for mark in planted.marks)} == set()


def test_the_marks_are_the_secrets_in_use(planted):
    """The test would find nothing if nothing were planted: ClickHouse lets the marked password in, and no other."""
    assert planted.stack.password("reader") == f"p{MARK}reader"
    for user in USERS:
        with closing(planted.clickhouse(user)) as client:
            assert client.query("SELECT 1").result_rows == [(1,)]
    assert planted.ask("ml-api", "/v1/models").status_code == 200


def test_no_answer_and_no_command_tells_a_secret(planted):
    """Answers with their headers, errors too, and what every verb prints."""
    # A value that a setting refuses is quoted, for whoever typed it has to find it; that is not where a secret belongs.
    said = {what: text for what, text in planted.said.items() if what != "up --detach"}
    assert len(said) > 20
    # They got as far as their secrets.
    assert "is up to date" in said["migrate --dry-run"]
    assert {"hook", "slack", "mail"} <= set(re.findall(r"\w+", said["channels list --json"]))
    tried = {name: said[f"channels test {name}"] for name in ("hook", "slack", "mail")}
    assert {name for name, text in tried.items() if "Not delivered: 127.0.0.1:9" in text} == set(tried), tried
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
    # Not by rglob, which fails over folders that ClickHouse has merged away meanwhile.
    files = [
        Path(folder, name)
        for folder, _, names in os.walk(planted.stack.data_dir)
        for name in names
        if "secrets" not in Path(folder).relative_to(planted.stack.data_dir).parts
    ]
    names = {path.name for path in files}
    assert {"ml-api.log", "worker.log", "monitoring-api.jsonl", "cli.jsonl"} <= names
    texts = {}
    for path in files:
        if not path.is_file():  # gone, or a socket
            continue
        try:
            texts[str(path)] = path.read_bytes().decode("latin-1")
        except OSError:  # gone meanwhile: ClickHouse merges
            continue
    assert found(planted, texts) == {}


def test_telemetry_holds_no_secret(planted):
    """Whole rows of every table, as text."""
    with closing(planted.clickhouse("reader")) as client:
        tables = [name for (name,) in client.query("SHOW TABLES").result_rows if not name.endswith("_ingest")]
        assert {"otel_traces", "otel_logs", "otel_metrics_sum", "predictions"} <= set(tables)
        rows = {
            name: client.raw_query(f"SELECT * FROM `{name}` LIMIT 100000", fmt="JSONEachRow").decode("latin-1")
            for name in tables
        }
    assert rows["otel_traces"]
    assert found(planted, rows) == {}
