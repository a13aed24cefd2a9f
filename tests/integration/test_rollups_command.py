"""`sightglass rollups`, as a command, on a real embedded ClickHouse as the maintainer."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests import warm
from tests.integration.test_kept_traces import MAINTENANCE, statement
from tests.integration.test_monitoring_api import Processes, _until
from tests.monitoring_api.store import prediction, span

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
RANGE = ("--from", START.isoformat(), "--to", (START + timedelta(hours=1)).isoformat())


@pytest.fixture
def running(tmp_path):
    """ClickHouse with the schema."""
    processes = Processes(tmp_path)
    try:
        processes.start_clickhouse()
        processes.migrate()
        yield processes
    finally:
        processes.stop()


def rollups(running, *arguments):
    """Run `sightglass rollups`: its exit code, and what it wrote to standard output and error."""
    done = warm.run(["-m", "sightglass", "rollups", *arguments], env=running.env, cwd=running.folder, timeout=60)
    return done.returncode, done.stdout, done.stderr


def as_json(outcome):
    """An outcome's exit code and document."""
    code, written, told = outcome
    assert told == ""
    return code, json.loads(written)


def test_verify_finds_what_was_falsified_and_rebuild_mends_it(running):
    """Exit code 0 on a good store, 1 with a falsified row that is named, and 0 again after a rebuild."""
    at = [START + timedelta(seconds=5 * n) for n in range(600)]
    running.insert("otel_traces", [span(each, seconds=0.01 * (1 + n % 7)) for n, each in enumerate(at)])
    running.insert("otel_logs", [prediction(each, score=(n % 10) / 10) for n, each in enumerate(at)])
    maintenance = running.start(MAINTENANCE)
    # Days are summed up when they are over, which the hours looked at need not be.
    waiting = "SELECT count() FROM rollup_dirty WHERE Kind NOT IN ('outcomes_1d')"
    _until(lambda: statement(running, waiting) == "0", seconds=60, what="the rollups")
    maintenance.terminate()
    assert maintenance.wait(10) == 0

    code, good = as_json(rollups(running, "verify", *RANGE, "--json"))
    assert (code, good["differences"], good["dirty"]) == (0, [], 0)
    # Fifty minutes in four quarters of two sources, and the finished figures of both; the quarters of what became of
    # predictions, joined and summed up.
    assert good["compared"] == 2 * 2 * (50 + 4) + 2 * 4
    code, written, told = rollups(running, "verify", *RANGE)
    assert (code, written) == (0, "224 buckets agree or differ, 0 are being computed anyway\n"), told

    statement(
        running,
        "INSERT INTO rollup_requests_finished "
        "SELECT * REPLACE (DurationP95 * 100 AS DurationP95, now64(6) AS ComputedAt) "
        "FROM rollup_requests_finished FINAL WHERE Seconds = 60 AND GroupedBy = 'route' ORDER BY Minute LIMIT 1",
    )
    code, bad = as_json(rollups(running, "verify", *RANGE, "--json"))
    (difference,) = bad["differences"]
    at = START.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {name: difference[name] for name in ("tier", "seconds", "at", "figure", "groups")}
    assert (code, found) == (
        1,
        {"tier": "rollup_requests_finished", "seconds": 60, "at": at, "figure": "DurationP95", "groups": 1},
    )
    assert difference["found"] == pytest.approx(100 * difference["expected"][0])
    code, written, told = rollups(running, "verify", *RANGE)
    assert code == 1
    assert f"rollup_requests_finished {at}: DurationP95 of route /v1/predict is " in written
    assert told.endswith("1 differ; `sightglass rollups rebuild` computes them anew.\n")

    code, rebuilt = as_json(rollups(running, "rebuild", *RANGE, "--json"))
    assert code == 0
    assert set(rebuilt) == {"requests", "predictions"}
    assert [(each["minutes"], each["quarters"], each["from"]) for each in rebuilt.values()] == [(50, 4, at)] * 2
    code, mended = as_json(rollups(running, "verify", *RANGE, "--json"))
    assert (code, mended) == (0, good)


@pytest.mark.parametrize("verb", ["verify", "rebuild"])
@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("--from", "yesterday"), "--from"),
        (("--to", "now-"), "--to"),
        (("--from", "now", "--to", "now-1h"), "--from"),
        (("--from", "1e400"), "--from"),
        (("--to", ""), "--to"),
    ],
)
def test_a_bad_time_is_refused_by_the_name_of_its_flag(tmp_path, verb, arguments, flag):
    """Exit code 2 and the flag that is wrong, before anything is asked of ClickHouse."""
    code, written, told = rollups(Processes(tmp_path), verb, *arguments)
    assert (code, written) == (2, "")
    assert f"Invalid value for {flag}: " in told
    assert "Traceback" not in told
