"""Every image, looked into and started against the others, until a prediction is visible."""

import json
import re
import time
import uuid
from urllib.parse import quote

import pytest

from deploy.checks.guide import commands
from deploy.checks.predicting import eventually, predicted, read_back
from services.cli.collector.cache import REPOSITORY

pytestmark = [
    pytest.mark.inputs(
        "pyproject.toml",
        "uv.lock",
        ".dockerignore",
        "sightglass",
        "services",
        "dashboard",
        "collector",
        "deploy",
        "docs/MONITORING_DEPLOYMENT_GUIDE.md",
    ),
    pytest.mark.timeout(2400),
]
PYTHON_IMAGES = {
    "ml-api": ({"sightglass", "services/web", "services/ml_api"}, {"onnxruntime"}),
    "training": ({"sightglass", "services/web", "services/ml_api", "services/cli"}, {"onnxruntime", "sklearn"}),
    "monitoring-api": (
        {"sightglass", "services/sql", "services/web", "services/monitoring_api", "deploy/alerting"},
        {"clickhouse_connect"},
    ),
    "tools": (
        {"sightglass", "services/web", "services/monitoring_api", "services/cli", "services/ml_api"}
        | {"services/embedded_clickhouse", "services/sql", "collector/schema", "deploy/alerting", "dashboard"},
        {"clickhouse_connect", "click", "onnxruntime"},
    ),
    "dashboard": ({"sightglass", "dashboard"}, {"streamlit"}),
    "embedded-clickhouse": (
        {"sightglass", "services/sql", "services/embedded_clickhouse"},
        {"chdb", "clickhouse_connect"},
    ),
}
HEAVY = {"onnxruntime", "sklearn", "streamlit", "chdb", "clickhouse_connect", "pytest", "mypy", "playwright"}
OURS = {
    "sightglass", "dashboard", "tests", "benchmarks", "docs", "collector/schema", "deploy/alerting", "deploy/checks",
    "services/web", "services/ml_api", "services/monitoring_api", "services/cli", "services/embedded_clickhouse",
    "services/sql",
}  # fmt: skip
TOOLS_OF_BUILDS = ("uv", "uvx", "gcc", "cc", "g++", "make", "go", "git")


def _name(image):
    return image.partition("/")[2].partition(":")[0]


@pytest.mark.parametrize("name", PYTHON_IMAGES)
def test_a_python_image_holds_only_what_it_needs(images, name, record_property):
    """No build tool, no cache, no test, no other process's packages; it runs as 10001 and says what it is."""
    image = next(image for image in images.built if _name(image) == name)
    sources, packages = PYTHON_IMAGES[name]
    with images.mounted(image) as root:
        home = root / "opt/sightglass"
        found = {place for place in OURS if (home / place).exists()}
        assert found == sources
        site = next(home.glob(".venv/lib/python3.*/site-packages"))
        assert {package for package in HEAVY if (site / package).exists()} == packages & HEAVY
        for folder in ("usr/bin", "usr/local/bin", "bin", "opt/sightglass/bin", "opt/sightglass/.venv/bin"):
            assert not [tool for tool in TOOLS_OF_BUILDS if (root / folder / tool).exists()]
        assert not (root / "opt/uv").exists()
        assert not list((root / "root").rglob("*.whl"))
        assert not (root / "root/.cache").exists()
        assert not [path for path in home.rglob("*") if path.name in {".git", ".env", "secrets"}]
        writable = [path for path in home.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
        assert not writable
        assert {path.stat().st_uid for path in home.iterdir()} == {0}
    configuration = images.configuration(image)
    assert configuration["User"] == "10001:10001"
    assert configuration["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    record_property(f"size of {name}", f"{images.megabytes(image)} MB")


def test_the_collectors_image_is_the_collector_and_nothing_else(images, record_property):
    """Three programs, their configurations, certificates, and a folder for the queue: no shell, no package."""
    image = next(image for image in images.built if _name(image) == "collector")
    with images.mounted(image) as root:
        files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        shipped = {f"etc/otelcol/{path.name}" for path in (REPOSITORY / "collector").glob("config*.yaml")}
        shipped.add("etc/otelcol/config.container.yaml")
        assert files == {"otelcol", "ready", "launch", "etc/ssl/certs/ca-certificates.crt"} | shipped
        assert (root / "var/lib/otelcol/queue").stat().st_uid == 10001
    assert images.configuration(image)["User"] == "10001:10001"
    record_property("size of collector", f"{images.megabytes(image)} MB")


def test_a_prediction_posted_to_one_image_is_read_from_another(stack, record_property):
    """From the ml-api image through Collector and ClickHouse to the monitoring-api image, with a token."""
    started = time.monotonic()
    prediction = predicted(stack)
    assert prediction in json.dumps(read_back(stack, prediction))
    record_property("from posting a prediction to reading it", f"{time.monotonic() - started:.1f} s")


def test_nobody_comes_in_without_a_token(stack):
    """Both APIs answer 401 without a token and with a wrong one, the Collector too, and a revoked one ends."""
    wrong = f"sgt_{uuid.uuid4().hex[:12]}_{'x' * 43}"
    for url in (
        "http://ml-api:8002/v1/models",
        "http://monitoring-api:8003/api/v1/metrics",
        "http://collector:4318/v1/logs",
    ):
        method, body = ("POST", {}) if "4318" in url else ("GET", None)
        for token in ("", wrong):
            assert stack.network.ask(method, url, token=token, body=body)[0] == 401, url
    made = json.loads(stack.tools("tokens", "create", "passing", "--role", "viewer", "--json"))
    for url in ("http://ml-api:8002/v1/models", "http://monitoring-api:8003/api/v1/metrics"):
        eventually(lambda url=url: stack.network.ask("GET", url, token=made["token"])[0], lambda status: status == 200)
    stack.tools("tokens", "revoke", "passing")
    for url in ("http://ml-api:8002/v1/models", "http://monitoring-api:8003/api/v1/metrics"):
        eventually(lambda url=url: stack.network.ask("GET", url, token=made["token"])[0], lambda status: status == 401)


def test_the_dashboard_answers(stack):
    """Its page is served; who asks the API through it signs in with a token."""
    status, page = stack.network.ask("GET", "http://dashboard:8501/")
    assert status == 200
    assert "streamlit" in str(page).lower()


def test_processes_have_no_rights(stack):
    """Every process runs as 10001, without capabilities, and with its image as its root."""
    running = {name: container for name, container in stack.containers.items() if container.process is not None}
    assert set(running) == {
        "clickhouse-embedded", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"
    }  # fmt: skip
    for name, container in running.items():
        inside = container.inside()
        assert inside, name
        for process in inside:
            status = open(f"/proc/{process.pid}/status").read()  # noqa: PTH123, SIM115 - one line
            assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE), name
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE), name
            assert re.search(r"^CapPrm:\t0+$", status, re.MULTILINE), name


PARTS = ("clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard")
WELL = (
    "secret files", "instance", *PARTS, "clickhouse query", "versions", "schema", "collector queue", "duplicates",
    "model", "alert outbox", "notification channels", "synthetic prediction",
)  # fmt: skip
# What a busy machine may say of itself.
MAY_WARN = {"memory", "disk", "clickhouse disk", "clock skew", "pipeline", "ingest lag", "answer time"}


def test_the_doctor_in_tools_looks_at_every_part(stack):
    """`run --rm tools doctor` reaches each container, the Collector's own metrics too, and sends a prediction."""
    predicted(stack)
    code, checks = stack.examined()
    assert code == 0, checks
    assert {name: checks[name]["verdict"] for name in WELL} == dict.fromkeys(WELL, "ok"), checks
    others = {name: check["verdict"] for name, check in checks.items() if name not in {*WELL, *MAY_WARN, "python"}}
    assert others == {"data folder": "skipped", "collector binary": "skipped", "certificates": "skipped"}
    assert set(checks) >= MAY_WARN
    assert not [check for name, check in checks.items() if name in MAY_WARN and check["verdict"] == "failed"]
    assert "Collector 0." in checks["versions"]["found"]
    # In a network of one's own for each container, only what listens beyond loopback is reached.
    assert ("0.0.0.0", 8888) in stack.network.listening()


def test_the_guides_commands_for_containers_work(stack):
    """They save the token that later steps use, for nobody else to read, and prove the whole way with it."""
    assert (stack.folder / "me.token").stat().st_mode & 0o777 == 0o600
    assert re.search(r"^ok +synthetic prediction", stack.follow(commands("containers prove")), re.MULTILINE)


def test_the_doctor_in_tools_fails_where_nothing_answers(stack):
    """Before the start, with the same settings: every part fails by name, and so does the doctor."""
    code, checks = stack.examined_before_start
    assert code == 1
    assert checks["instance"]["verdict"] == "failed"
    reached = set(PARTS) - {"worker", "maintenance"}
    assert {checks[name]["verdict"] for name in reached} == {"failed"}
    assert "ports" not in checks


def test_every_verb_runs_in_tools(stack):
    """Models, channels, rules, labels, settings and migrations find there what they need."""
    prediction = predicted(stack)
    (model,) = json.loads(stack.tools("models", "list", "--json"))["models"]
    (version,) = [entry["version"] for entry in model["versions"] if entry["active"]]
    assert json.loads(stack.tools("models", "promote", version, "--json"))["active"] == version
    assert json.loads(stack.tools("channels", "list", "--json"))[0]["name"] == "log"
    assert json.loads(stack.tools("channels", "test", "log", "--json"))["delivered"] is True
    assert json.loads(stack.tools("rules", "check", "/etc/sightglass/alerting/rules.yaml", "--json"))["ok"] is True
    stack.tools("migrate", "--dry-run")
    names = {setting["name"] for setting in json.loads(stack.tools("settings", "--json"))}
    assert "SIGHTGLASS_WORKER_RULES_FILE" in names
    read_back(stack, prediction)
    rows = f"prediction_id,label,observed_at\n{prediction},late,2013-12-08T09:00:00Z\n"
    file = stack.give("tools", "labels.csv", rows)
    stack.tools("labels", "load", file)
    eventually(lambda: read_back(stack, prediction), lambda read: (read.get("label") or {}) != {})


def test_grafanas_questions_are_answered_by_our_tables(stack):
    """Every query of the dashboard runs as the reader, and those about requests and predictions find some."""
    predicted(stack)
    password = (stack.secrets / "clickhouse-reader.password").read_text()
    dashboard = json.loads((REPOSITORY / "deploy/grafana/dashboards/sightglass.json").read_text())
    now = int(time.time())
    macros = {
        r"\$__timeInterval\((\w+)\)": r"toStartOfInterval(toDateTime(\1), INTERVAL 30 second)",
        r"\$__timeFilter\((\w+)\)": rf"\1 >= toDateTime({now - 3600}) AND \1 <= toDateTime({now + 60})",
        r"\$__interval_s": "30",
    }

    def rows(sql):
        for macro, meaning in macros.items():
            sql = re.sub(macro, meaning, sql)
        url = f"http://clickhouse:8123/?database=otel&user=reader&password={password}&default_format=JSON"
        status, answer = stack.network.ask("GET", f"{url}&query={quote(sql, safe='')}")
        assert status == 200, (sql, answer)
        return answer["data"]

    for panel in dashboard["panels"]:
        sql = panel["targets"][0]["rawSql"]
        assert "$__" not in re.sub("|".join(macros), "", sql)
        found = eventually(lambda sql=sql: rows(sql), lambda answer: answer != [])
        assert "time" in found[0], panel["title"]


def test_nothing_is_written_outside_of_volumes_and_secrets_stay_in_their_files(stack):
    """After a stop no image's own files have changed; no secret is in a log, a variable or an argument."""
    secrets = {
        path.name: path.read_text()
        for path in stack.secrets.iterdir()
        if path.suffix in {".password", ".token", ".salt"}
    }
    secrets["token"] = stack.admin_token.split("_", 2)[2]  # the secret itself may hold underscores
    assert min(map(len, secrets.values())) > 40
    for name, container in stack.containers.items():
        for process in container.inside():
            told = " ".join(process.cmdline())
            variables = set(process.environ().values())
            assert not [secret for secret, text in secrets.items() if text in told or text in variables], name
    stack.stop()
    for name in stack.containers:
        assert stack.written_outside_of_volumes(name) == [], name
        if name != "tools":
            logged = (stack.folder / f"{name}.log").read_text(errors="replace")
            assert not [secret for secret, text in secrets.items() if text in logged], name
