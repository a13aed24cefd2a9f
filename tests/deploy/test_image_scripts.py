"""The scripts that images hold."""

import http.server
import json
import runpy
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import trustme

from tests.deploy.compose_file import DEPLOY

READY = DEPLOY / "docker" / "ready.py"
ONE_CLICKHOUSE = DEPLOY / "docker" / "one_clickhouse.py"


def ready(*arguments):
    """Run the health check."""
    return subprocess.run([sys.executable, READY, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_a_listener_is_ready_when_it_answers_200(status, code):
    """Any other status is a failure that says what was answered."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answer = ready(f"http://127.0.0.1:{server.server_port}/readyz")
        server.shutdown()
    assert answer.returncode == code
    assert code == 0 or f"answers {status}" in answer.stderr


def test_a_listener_with_a_certificate_is_asked_by_tls(tmp_path, monkeypatch):
    """`--tls-of` follows the setting of the certificate: https where it is set, http where it is not."""
    authority = trustme.CA()
    issued = authority.issue_cert("elsewhere.example.org")
    certificate = tmp_path / "tls.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asked = ("--tls-of", "SIGHTGLASS_X", f"http://127.0.0.1:{server.server_port}/readyz")
        assert ready(*asked).returncode == 1
        monkeypatch.setenv("SIGHTGLASS_X_TLS_CERT_FILE", str(certificate))
        assert ready(*asked).returncode == 0
        server.shutdown()


def test_nobody_who_listens_is_not_ready():
    """A refused connection is a failure, at once or after the time to wait."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        assert ready(url).returncode == 1
        assert ready("--wait", "0.5", url).returncode == 1


def test_a_fresh_sign_of_life_is_ready_and_an_old_or_broken_one_is_not(tmp_path: Path):
    """The heartbeat file of worker and maintenance is judged by its age."""
    heartbeat = tmp_path / "worker.heartbeat"
    assert ready(heartbeat).returncode == 1
    heartbeat.write_text(json.dumps({"at": time.time(), "pid": 1}))
    assert ready(heartbeat).returncode == 0
    heartbeat.write_text(json.dumps({"at": time.time() - 60, "pid": 1}))
    assert "60 s old" in ready(heartbeat).stderr
    heartbeat.write_text("{")
    assert ready(heartbeat).returncode == 1


def test_waiting_ends_when_it_is_ready(tmp_path: Path):
    """What becomes ready while it is waited for is ready."""
    heartbeat = tmp_path / "heartbeat"
    threading.Timer(1, lambda: heartbeat.write_text(json.dumps({"at": time.time()}))).start()
    assert ready("--wait", "50", heartbeat).returncode == 0


def test_two_clickhouses_or_none_are_refused(monkeypatch):
    """The first step of a start names the missing or surplus profile; one ClickHouse, or one elsewhere, is right."""
    problem_of = runpy.run_path(str(ONE_CLICKHOUSE))["problem_of"]

    def found(*addresses):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, 1, 6, "", (address, 0)) for address in addresses]
        )

    found("10.0.0.2", "10.0.0.3")
    assert "choose one of the two" in problem_of("http://clickhouse:8123")
    assert problem_of("https://db.example.org:8443") == ""
    found("10.0.0.2", "10.0.0.2")
    assert problem_of("http://clickhouse:8123") == ""

    def unknown(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "profiles server and embedded" in problem_of("http://clickhouse:8123")
