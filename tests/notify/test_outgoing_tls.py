"""Over TLS the certificate must be the host's, although the connection goes to an address."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address

import pytest
from pydantic import SecretStr

from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.http_sender import HttpSender


@pytest.fixture
def server(trusted_context):
    """An HTTPS server for hooks.example whose certificate this process trusts; yields its port and server names."""
    names = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    context = trusted_context("hooks.example")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1], names
    server.shutdown()
    server.server_close()


def post(host: str, port: int) -> int:
    """POST to a host that resolves to loopback."""

    async def resolve(_host, _port):
        return [ip_address("127.0.0.1")]

    sender = HttpSender(resolve, 5.0, allow_private=True)
    return asyncio.run(sender.post(SecretStr(f"https://{host}:{port}/"), b"{}", {}, now=0.0)).status


def test_the_certificate_is_checked_against_the_name(server):
    """The right name gets through and is what the server is asked for; any other name is refused."""
    port, names = server
    assert post("hooks.example", port) == 200
    assert names == ["hooks.example"]
    with pytest.raises(DeliveryFailedError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
        post("other.example", port)
