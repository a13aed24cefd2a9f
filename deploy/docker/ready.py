"""Health checks: `ready.py [--wait SECONDS] [--tls-of PREFIX] URL|HEARTBEAT_FILE`; exit code 0 when it is ready.

With `--tls-of` the URL is asked by HTTPS where PREFIX_TLS_CERT_FILE is set, as it is then served.
Only the standard library, for it starts every few seconds in each container.
"""

import http.client
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

FRESH_SECONDS = 30.0
TIMEOUT_SECONDS = 4.0


def main(arguments: list[str]) -> str:
    """Say what is wrong with a process; nothing when it is ready, at the latest after the time to wait."""
    *options, target = arguments
    given = dict(zip(options[::2], options[1::2], strict=True))
    if "--tls-of" in given and os.environ.get(f"{given['--tls-of']}_TLS_CERT_FILE"):
        target = target.replace("http:", "https:", 1)
    deadline = time.monotonic() + float(given.get("--wait", 0))
    while (problem := look(target)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return problem


def look(target: str) -> str:
    """Say what is wrong with a process now."""
    try:
        return _asked(target) if "://" in target else _beating(Path(target))
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        return f"{target}: {error}"


def _asked(url: str) -> str:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    said = answer.read(300).decode(errors="replace")
    return "" if answer.status == http.client.OK else f"{url} answers {answer.status} {said}"


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    import ssl  # noqa: PLC0415 - slow, and seldom needed

    # A process asks its own listener on loopback: no certificate is made for that name, and nothing secret is sent.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)


def _beating(heartbeat: Path) -> str:
    age = time.time() - float(json.loads(heartbeat.read_text(encoding="utf-8"))["at"])
    return "" if age < FRESH_SECONDS else f"the last sign of life is {age:.0f} s old"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
