"""Checks that what runs belongs together."""

import re
from importlib.metadata import PackageNotFoundError, version

from services.cli.collector.cache import BUILDER_CONFIG, collector_version
from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import AskError, Reach

_RUNNING = re.compile(r'^target_info\{[^}]*\bservice_version="([^"]+)"', re.MULTILINE)


def check_versions(reach: Reach) -> Check:
    """The running Collector is of the version that the configuration is made for."""
    clickhouse = reach.rows("SELECT version()")[0][0]
    wanted = collector_version(BUILDER_CONFIG)
    running = _collector(reach)
    found = f"Sightglass {_ours()}, ClickHouse {clickhouse}, Collector {running or 'unknown'}"
    if running and running.removeprefix("v").split(".")[:2] != wanted.split(".")[:2]:
        remedy = f"The configuration is made for {wanted}: restart the Collector with that version."
        return Check("versions", Verdict.WARNING, found, remedy)
    return Check("versions", Verdict.OK, found)


def _ours() -> str:
    try:
        return version("sightglass-ml")
    except PackageNotFoundError:
        return "of a checkout"


def _collector(reach: Reach) -> str:
    try:
        told = _RUNNING.search(reach.fetch(reach.metrics_url).text)
    except AskError:
        return ""
    return told[1] if told else ""
