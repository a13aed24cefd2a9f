"""Runs a command once there is exactly one ClickHouse: `one_clickhouse.py COMMAND...`.

Compose cannot refuse a combination of profiles, so the first step of a start does: with the profiles `server` and
`embedded` at once, rows would go to either by chance; with neither and no server elsewhere, everything would wait.
"""

import os
import socket
import sys
from urllib.parse import urlsplit

VARIABLE = "SIGHTGLASS_MIGRATE_CLICKHOUSE_URL"


def problem_of(url: str) -> str:
    """Say what is wrong with the profiles; nothing when one host answers to the name."""
    host = urlsplit(url).hostname or ""
    try:
        found = {address[4][0] for address in socket.getaddrinfo(host, None, family=socket.AF_INET)}
    except OSError:
        return (
            f"There is no host {host} ({VARIABLE}). Start ClickHouse with one of the profiles server and embedded "
            "(COMPOSE_PROFILES), or name a server elsewhere with SIGHTGLASS_CLICKHOUSE_URL."
        )
    if host == "clickhouse" and len(found) > 1:
        return "The profiles server and embedded are both on: choose one of the two (COMPOSE_PROFILES)."
    return ""


if __name__ == "__main__":
    if problem := problem_of(os.environ[VARIABLE]):
        sys.exit(problem)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command stands in the compose file
