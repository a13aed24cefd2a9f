"""The dashboard as a process: where it listens, whom it answers, how it ends."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import trustme

from tests.dashboard.process import DashboardProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardProcess]:
    """A dashboard whose API is away."""
    with DashboardProcess(tmp_path_factory.mktemp("dashboard"), "http://127.0.0.1:9") as running:
        yield running


def test_it_listens_on_loopback_only(process: DashboardProcess) -> None:
    """Nobody else on the network reaches it unless told so."""
    listening = [
        item.laddr for item in psutil.Process(process.process.pid).net_connections() if item.status == "LISTEN"
    ]
    assert listening == [("127.0.0.1", process.port)]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:{port}", "http://localhost:{port}", 101),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
        ("evil.example:{port}", "http://evil.example:{port}", 403),
        ("evil.example:{port}", "http://127.0.0.1:{port}", 403),
        ("127.0.0.1:{port}", "http://evil.example", 403),
        ("127.0.0.1:{port}", "null", 403),
    ],
)
def test_foreign_names_and_pages_get_no_data(process: DashboardProcess, host: str, origin: str, status: int) -> None:
    """All data travels over the websocket: neither a name pointed at 127.0.0.1 nor another page's script opens it."""
    assert _websocket_status(process.port, host.format(port=process.port), origin.format(port=process.port)) == status


def _websocket_status(port: int, host: str, origin: str) -> int:
    """The status of the answer to an opening handshake."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(4096).split()[1])


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:8501", 200), ("evil.example", 421), ("10.0.0.1:8501", 421)],
)
@pytest.mark.parametrize("path", ["/", "/_stcore/health"])
def test_foreign_names_get_no_page(process: DashboardProcess, path: str, host: str, status: int) -> None:
    """The page and the health check answer for loopback names alone; who asks otherwise is told the setting."""
    answer = httpx.get(f"{process.url}{path}", headers={"Host": host})
    assert answer.status_code == status
    assert ("SIGHTGLASS_DASHBOARD_ALLOWED_HOSTS" in answer.text) is (status == 421)


def test_a_page_of_another_origin_may_not_upload(process: DashboardProcess) -> None:
    """What changes something is refused before Streamlit sees it."""
    url = f"{process.url}/_stcore/upload_file/a/b"
    assert httpx.put(url, headers={"Origin": "https://evil.example"}).text == (
        "A page of another origin may not change anything here.\n"
    )


@pytest.mark.parametrize("path", ["/", "/history", "/_stcore/health", "/_stcore/host-config", "/static/nothing.js"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_carries_the_headers(process: DashboardProcess, path: str, host: str) -> None:
    """No frame around it, no guessed types, no address given away, no code but Streamlit's, no name of the server."""
    headers = httpx.get(f"{process.url}{path}", headers={"Host": host}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert not re.search("unsafe|http|\\*", policy["script-src"])


def test_further_names_are_answered_when_they_are_named(tmp_path: Path) -> None:
    """A public name and a domain; loopback names still are, for health checks inside a container."""
    env = {"SIGHTGLASS_DASHBOARD_ALLOWED_HOSTS": '["Monitor.example.org", "*.inner.example.org"]'}
    with DashboardProcess(tmp_path, "http://127.0.0.1:9", env) as process:
        statuses = {
            host: httpx.get(f"{process.url}/_stcore/health", headers={"Host": host}).status_code
            for host in ("monitor.example.org", "a.inner.example.org:443", "127.0.0.1:8501", "example.org")
        }
        opened = _websocket_status(process.port, "monitor.example.org", "https://monitor.example.org")
    assert list(statuses.values()) == [200, 200, 200, 421]
    assert opened == 101


def test_its_log_speaks_for_people_and_machines(process: DashboardProcess) -> None:
    """No welcome, no question for an e-mail address, no address of the machine."""
    assert "Streamlit" not in process.log
    assert "Email" not in process.log
    assert "URL" not in process.log


@pytest.mark.parametrize("collector", ["", "http://127.0.0.1:9"])
def test_sigterm_ends_it_within_ten_seconds(tmp_path: Path, collector: str) -> None:
    """It ends by itself and with 0, also while its telemetry has nowhere to go."""
    env = {"OTEL_SDK_DISABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": collector} if collector else {}
    process = DashboardProcess(tmp_path, "http://127.0.0.1:9", env)
    try:
        process.wait_ready()
    finally:
        began = time.monotonic()
        code = process.stop()
    assert code == 0, process.log
    assert time.monotonic() - began < 10


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    """A setting that cannot be used ends the start with its name."""
    process = DashboardProcess(tmp_path, "not a url")
    assert process.process.wait(30) != 0
    assert "SIGHTGLASS_DASHBOARD_API_URL" in process.log
    assert "Traceback" not in process.log


@pytest.mark.parametrize(
    ("env", "named"),
    [
        (
            {"SIGHTGLASS_DASHBOARD_HOST": "0.0.0.0", "SIGHTGLASS_DASHBOARD_SIGN_IN": "none"},
            "SIGHTGLASS_DASHBOARD_SIGN_IN=none is refused, for the dashboard listens on 0.0.0.0",
        ),
        ({"SIGHTGLASS_DASHBOARD_API_TOKEN_FILE": "empty"}, "SIGHTGLASS_DASHBOARD_API_TOKEN_FILE names empty"),
        ({"SIGHTGLASS_DASHBOARD_OIDC_FILE": "canary.toml"}, "SIGHTGLASS_DASHBOARD_OIDC_FILE names canary.toml"),
        ({"SIGHTGLASS_DASHBOARD_VIEWERS": "ann@example.org"}, "SIGHTGLASS_DASHBOARD_VIEWERS"),
        ({"SIGHTGLASS_DASHBOARD_PORT": "canary"}, "SIGHTGLASS_DASHBOARD_PORT"),
        ({"SIGHTGLASS_DASHBOARD_TLS_CERT_FILE": "empty"}, "SIGHTGLASS_DASHBOARD_TLS_KEY_FILE"),
    ],
)
def test_it_does_not_start_with_what_it_cannot_use(tmp_path: Path, env: dict[str, str], named: str) -> None:
    """It ends at once, names the setting in one plain sentence, and shows no value that could be a secret."""
    (tmp_path / "empty").touch()
    (tmp_path / "canary.toml").write_text('[auth]\nclient_secret = "canary-secret"\n')
    (tmp_path / "canary.toml").chmod(0o600)
    process = DashboardProcess(tmp_path, "http://127.0.0.1:9", env)
    assert process.process.wait(30) == 1
    assert named in process.log
    assert "Traceback" not in process.log
    assert "canary-secret" not in process.log


def test_it_serves_https(tmp_path: Path) -> None:
    """With a certificate and its key it speaks TLS, and nothing else."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    env = {
        "SIGHTGLASS_DASHBOARD_TLS_CERT_FILE": str(tmp_path / "cert.pem"),
        "SIGHTGLASS_DASHBOARD_TLS_KEY_FILE": str(tmp_path / "key.pem"),
    }
    with DashboardProcess(tmp_path, "http://127.0.0.1:9", env, verify=trusting) as process:
        page = httpx.get(f"{process.url}/", verify=trusting)
        assert page.status_code == 200
        assert "max-age" in page.headers["strict-transport-security"]
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{process.port}/")
