"""Each check tells well from worth a look from failed, and names the remedy of what is not well."""

from datetime import UTC, datetime
from email.utils import formatdate

import httpx
import pytest
import sqlalchemy as sa

from services.cli.doctor.alert_outbox import check_outbox
from services.cli.doctor.certificates import check_certificates
from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.clocks import check_clocks
from services.cli.doctor.collector_queue import check_queue, queues_of
from services.cli.doctor.instance import guarded
from services.cli.doctor.pipeline import check_lag, check_model, check_pipeline
from services.cli.doctor.reach import AskError, DeniedError, Reach, Reader
from services.cli.doctor.secret_files import check_secret_files
from services.cli.doctor.store import check_disks, check_duplicates, check_schema
from services.cli.doctor.versions import check_versions
from services.monitoring_api.alerting.engine import sqlite_url
from services.monitoring_api.alerting.store import workers
from services.monitoring_api.migrate import files
from services.monitoring_api.migrate.settings import SCHEMA_DIR
from services.monitoring_api.notify.outbox import notifications
from services.monitoring_api.worker.store import Store
from tests.certificates import Certificates

NOW = 1_800_000_000.0
LAST_DAY = 4_000_000_000.0
OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED


def judged(check: Check, verdict: Verdict, *said: str) -> None:
    """What a check must say; what is not well has a remedy."""
    assert check.verdict is verdict, check
    assert all(text in f"{check.found} {check.remedy}" for text in said), check
    if verdict in {WARNING, FAILED}:
        assert check.remedy, check


@pytest.mark.parametrize(
    ("skew", "verdict"), [(0.0, OK), (1.2, OK), (-2.6, WARNING), (29.0, WARNING), (31.0, FAILED), (-3600.0, FAILED)]
)
@pytest.mark.parametrize("whose", ["clickhouse", "api"])
def test_clocks(instance, skew, verdict, whose):
    """More than 2 s is worth a look and more than 30 s wrong, ahead or behind, whoever's clock it is."""
    clickhouse, api = (skew, 0.0) if whose == "clickhouse" else (0.0, skew)
    instance.answers["now64"] = [[NOW + clickhouse]]
    date = httpx.Response(200, headers={"Date": formatdate(NOW + api - 0.5, usegmt=True)})
    instance.pages["/healthz"] = date
    judged(check_clocks(instance, now=lambda: NOW), verdict, "s against this machine")


def test_a_clock_that_is_not_heard_hides_no_other(instance):
    """Where nobody answers the check fails; where one does, that one is judged."""
    judged(check_clocks(instance), FAILED, "refused")
    instance.answers["now64"] = [[NOW + 40]]
    judged(check_clocks(instance, now=lambda: NOW), FAILED, "clickhouse +40.0 s", "NTP")


METRICS = """# TYPE otelcol_exporter_queue_size gauge
otelcol_exporter_queue_size{data_type="logs",exporter="clickhouse"} 10
otelcol_exporter_queue_capacity{data_type="logs",exporter="clickhouse"} 1000
otelcol_exporter_queue_size{data_type="traces",exporter="clickhouse"} %d
otelcol_exporter_queue_capacity{data_type="traces",exporter="clickhouse"} 1.073741824e+09
otelcol_exporter_queue_size{data_type="metrics"} 7
target_info{service_name="otelcol",service_version="%s"} 1
"""


@pytest.mark.parametrize(("size", "verdict"), [(0, OK), (600_000_000, WARNING), (1_050_000_000, FAILED)])
def test_collector_queue(instance, size, verdict):
    """The fullest signal is judged, against its capacity."""
    instance.pages["/metrics"] = httpx.Response(200, text=METRICS % (size, "0.161.0"))
    judged(check_queue(instance), verdict, "traces" if size else "logs")


def test_queues_are_read_by_signal():
    """A size without a capacity is no queue to be judged."""
    assert queues_of(METRICS % (5, "0")) == {"logs": (10.0, 1000.0), "traces": (5.0, 1073741824.0)}
    assert queues_of("") == {}


@pytest.mark.parametrize(("running", "verdict"), [("0.161.0", OK), ("0.161.2", OK), ("0.170.0", WARNING)])
def test_versions(instance, running, verdict):
    """A Collector of another minor version is worth a look."""
    instance.answers["version()"] = [["26.9.1"]]
    instance.pages["/metrics"] = httpx.Response(200, text=METRICS % (0, running))
    judged(check_versions(instance), verdict, "ClickHouse 26.9.1", f"Collector {running}")


def test_schema(instance):
    """What is due is named; a schema that is newer, or another, is no business of this version."""
    known = files.load(SCHEMA_DIR)
    applied = [[migration.version, migration.checksum] for migration in known]
    instance.answers["schema_migrations"] = applied
    judged(check_schema(instance), OK, f"version {known[-1].version}")
    instance.answers["schema_migrations"] = applied[:-1]
    judged(check_schema(instance), FAILED, f"{known[-1].version:04d}_{known[-1].name}", "sightglass migrate")
    instance.answers["schema_migrations"] = [*applied, [9999, "x"]]
    judged(check_schema(instance), FAILED, "older than the schema")
    instance.answers["schema_migrations"] = []
    judged(check_schema(instance), FAILED, "version 0; due: 0001_")


@pytest.mark.parametrize(("free", "verdict"), [(50, OK), (14, WARNING), (4, FAILED)])
def test_clickhouse_disk(instance, free, verdict):
    """The fullest of ClickHouse's disks is judged."""
    instance.answers["system.disks"] = [["big", 90 << 30, 100 << 30], ["small", str(free << 30), str(100 << 30)]]
    judged(check_disks(instance), verdict, "its disk small")


@pytest.mark.parametrize(("distinct", "verdict"), [(1000, OK), (995, OK), (900, WARNING)])
def test_duplicates(instance, distinct, verdict):
    """A few are normal after a retry; many tell of late answers."""
    instance.answers["uniqExact"] = [["1000", str(distinct)]]
    judged(check_duplicates(instance), verdict, f"{1000 - distinct} of 1000")


@pytest.mark.parametrize(("lag", "verdict"), [(None, SKIPPED), (2.0, OK), (12.0, WARNING), (45.0, FAILED)])
def test_ingest_lag(lag, verdict):
    """Delays are told by how long they are."""
    judged(check_lag({"ingest_lag_seconds": {"p95": lag}}), verdict)


def test_pipeline_tells_its_reasons():
    """What the pipeline says of itself is passed on."""
    judged(check_pipeline({"status": "ok", "reasons": []}), OK)
    judged(check_pipeline({"status": "degraded", "reasons": ["worker is silent"]}), WARNING, "worker is silent")


def test_model(instance):
    """A service without an active version has no model."""
    listed = [{"name": "flight-delay", "active": None}]
    instance.pages["/v1/models"] = httpx.Response(200, json={"models": listed})
    judged(check_model(instance), FAILED, "sightglass models train")
    listed[0]["active"] = "abc"
    instance.pages["/v1/models"] = httpx.Response(200, json={"models": listed})
    judged(check_model(instance), OK, "flight-delay abc")


def test_what_cannot_be_asked_fails_its_check_only():
    """A part that does not answer fails with its own remedy; one that asks for a token names the ways to give one."""

    def raising(error):
        def look():
            raise error

        return look

    judged(guarded("model", "Start it.", raising(AskError("no"))), FAILED, "no", "Start it.")
    judged(guarded("model", "Start it.", raising(DeniedError("401"))), FAILED, "SIGHTGLASS_TOKEN or --token-file")


def outbox(path, *, created=NOW, **columns):
    """A store with a worker that was heard just now, and a message."""
    url = sqlite_url(path)
    store = Store(url)
    store.create()
    store.close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(workers.insert().values(name="worker", heartbeat_at=NOW, last_evaluation_at=NOW))
        row = {
            "channel": "ops-mail",
            "group_key": "g",
            "incident": "i",
            "status": "firing",
            "reason": "new",
            "idempotency_key": "k",
            "body": "{}",
            "created_at": created,
            "next_attempt_at": created,
            "attempts": 3,
            **columns,
        }
        connection.execute(notifications.insert().values(row))
    engine.dispose()
    return url


def test_alert_outbox(tmp_path):
    """A message that waits for long or was given up is named with its channel; one under way is none of it."""
    judged(check_outbox(sqlite_url(tmp_path / "none.sqlite"), NOW), SKIPPED)
    judged(check_outbox(outbox(tmp_path / "new.sqlite"), NOW), OK)
    judged(check_outbox(outbox(tmp_path / "sent.sqlite", created=NOW - 900, delivered_at=NOW), NOW), OK)
    stuck = outbox(tmp_path / "stuck.sqlite", created=NOW - 900)
    judged(check_outbox(stuck, NOW), FAILED, "1 to ops-mail for 900 s, after 3 attempts", "sightglass channels test")
    given_up = outbox(tmp_path / "up.sqlite", created=NOW - 9000, abandoned_at=NOW - 100)
    judged(check_outbox(given_up, NOW), FAILED, "given up within a day: 1 to ops-mail")
    judged(check_outbox(stuck, NOW + 3600), FAILED, "has not been heard for 3600 s")


def test_an_alert_store_that_cannot_be_read_is_named_without_its_password():
    """A database that is down fails the check, and its URL is told with the password masked."""
    check = check_outbox("postgresql+psycopg://worker:canary@127.0.0.1:1/alerts", NOW)
    judged(check, FAILED, "worker:****@127.0.0.1", "SIGHTGLASS_WORKER_STORE_URL")
    assert "canary" not in check.found


def test_secret_files(tmp_path):
    """A secret that others may read is named with what closes it."""
    (tmp_path / "secrets").mkdir()
    inside, outside = tmp_path / "secrets" / "a.password", tmp_path / "key.pem"
    for path in (inside, outside):
        path.write_text("x")
        path.chmod(0o600)
    judged(check_secret_files(tmp_path, [outside, None, tmp_path / "absent"]), OK, "2 files")
    outside.chmod(0o640)
    judged(check_secret_files(tmp_path, [outside]), WARNING, f"{outside} (0640)", f"chmod 600 {outside}")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificates in a folder, which end at `LAST_DAY`."""
    ends = datetime.fromtimestamp(LAST_DAY, UTC)
    return Certificates(tmp_path_factory.mktemp("certificates"), not_after=ends)


@pytest.fixture
def https(certificates):
    """The URL of a server with the certificate."""
    import socket
    import ssl
    import threading

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.cert, certificates.key)
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)

    def serve():
        while True:
            try:
                listener.accept()[0].close()
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def reaching(tmp_path, url, ca_file):
    """An instance of one part."""
    return Reach({"ml-api": url}, "", "", Reader("reader", tmp_path, "otel"), ca_file)


def test_certificates(tmp_path, certificates, https):
    """One that is trusted and holds is well; it warns three weeks before the end, and fails for a stranger's."""
    trusted = reaching(tmp_path, https, certificates.ca)
    judged(check_certificates(trusted), OK, "ml-api's, in ")
    judged(check_certificates(trusted, LAST_DAY - 20 * 86_400), WARNING, "in 20 days", "Renew it")
    stranger = reaching(tmp_path, https, certificates.other_ca)
    judged(check_certificates(stranger), FAILED, "unable to get local issuer", "SIGHTGLASS_TLS_CA_FILE")
    judged(check_certificates(reaching(tmp_path, "http://127.0.0.1:1", None)), SKIPPED)
