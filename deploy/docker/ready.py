"""Health checks: `ready.py [--wait SECONDS] URL|HEARTBEAT_FILE`; exit code 0 when the process is ready.

Only the standard library, for it starts every few seconds in each container.
"""

import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

FRESH_SECONDS = 30.0
TIMEOUT_SECONDS = 4.0


def main(arguments: list[str]) -> str:
    """Say what is wrong with a process; nothing when it is ready, at the latest after the time to wait."""
    *wait, target = arguments
    deadline = time.monotonic() + (float(wait[1]) if wait else 0.0)
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
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    said = answer.read(300).decode(errors="replace")
    return "" if answer.status == http.client.OK else f"{url} answers {answer.status} {said}"


def _beating(heartbeat: Path) -> str:
    age = time.time() - float(json.loads(heartbeat.read_text(encoding="utf-8"))["at"])
    return "" if age < FRESH_SECONDS else f"the last sign of life is {age:.0f} s old"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
