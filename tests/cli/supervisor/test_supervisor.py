import os
import signal

import pytest

from services.cli.supervisor.readiness import HttpProbe
from services.cli.supervisor.units import CommandLine, Unit
from tests.cli.supervisor.conftest import is_alive

pytestmark = pytest.mark.anyio


def _started(notes):
    return [note.split()[0] for note in notes if " started " in note]


async def test_starts_each_unit_after_what_it_needs_is_ready(watched, free_port):
    """A unit starts only when the units that it needs answer that they are ready, not merely when they run."""
    store = watched.unit(
        "store", f"port={free_port}", "late=0.7", probe=HttpProbe(f"http://127.0.0.1:{free_port}/", body="Ok.")
    )
    await watched.run(watched.unit("api", needs=("store",)), store)
    await watched.until(lambda: watched.phase == "up" and len(_started(watched.notes())) == 2)
    assert _started(watched.notes()) == ["store", "api"]
    waited = [state for state in watched.states if state["processes"][0]["detail"].endswith("answers 503 Ok.")]
    assert waited
    assert all(state["processes"][1]["state"] == "waiting" for state in waited)


async def test_stops_in_reverse_and_waits_for_each(watched):
    """A unit is asked to stop only after everything that needs it has stopped, so telemetry can drain into it."""
    await watched.run(
        watched.unit("store"),
        watched.unit("collector", needs=("store",)),
        watched.unit("api", "slow=0.4", needs=("collector",)),
    )
    await watched.until(lambda: watched.phase == "up" and len(_started(watched.notes())) == 3)
    assert await watched.stop() is None
    stops = [note for note in watched.notes() if "stop" in note]
    assert stops == [
        "api stopping", "api stopped", "collector stopping", "collector stopped", "store stopping", "store stopped",
    ]  # fmt: skip
    assert watched.phase == "stopped"
    assert {entry["state"] for entry in watched.states[-1]["processes"]} == {"stopped"}


async def test_restarts_a_killed_process_with_a_new_pid(watched):
    """A process that is killed comes back by itself, and the others are left alone."""
    await watched.run(watched.unit("store"), watched.unit("api", needs=("store",)))
    await watched.until(lambda: watched.phase == "up")
    killed, other = watched.entry("store")["pid"], watched.entry("api")["pid"]
    os.kill(killed, signal.SIGKILL)
    await watched.until(lambda: watched.entry("store")["state"] == "up" and watched.entry("store")["pid"] != killed)
    assert watched.entry("store")["restarts"] == 1
    assert watched.entry("api")["pid"] == other
    assert watched.entry("api")["restarts"] == 0
    assert any("was ended by SIGKILL; starts again in 0.1 s" in s["processes"][0]["detail"] for s in watched.states)


async def test_waits_longer_after_each_crash(watched):
    """A process that keeps crashing is started again ever more rarely, up to the longest wait."""
    await watched.run(watched.unit("api", "crash=0.05"))
    await watched.until(lambda: watched.states and watched.entry("api")["restarts"] >= 4)
    details = [state["processes"][0]["detail"] for state in watched.states]
    waits = list(dict.fromkeys(detail.rsplit(" in ", 1)[1] for detail in details if "exited with code 7" in detail))
    assert waits == ["0.1 s", "0.2 s", "0.4 s"]


async def test_gives_up_when_a_process_ends_before_it_is_ready(watched, free_port):
    """A start that cannot succeed ends with the process's last words and the remedy, and stops what it had started."""
    unit = watched.unit(
        "api",
        "say=the model is missing",
        "crash=0.1",
        needs=("store",),
        probe=HttpProbe(f"http://127.0.0.1:{free_port}/"),
        remedy="Train one.",
    )
    await watched.run(watched.unit("store"), unit)
    failure = await watched.ended()
    assert (failure.name, failure.message) == ("api", "exited with code 7 before it was ready")
    assert failure.log_lines == ("the model is missing",)
    assert failure.remedy == "Train one."
    assert watched.phase == "failed"
    assert watched.entry("api")["state"] == "failed"
    assert "store stopped" in watched.notes()


async def test_gives_up_when_a_process_is_not_ready_in_time(watched, free_port):
    """A process that runs but never becomes ready fails the start after its time, with the probe's reason."""
    unit = watched.unit(
        "api",
        f"port={free_port}",
        "late=60",
        probe=HttpProbe(f"http://127.0.0.1:{free_port}/readyz"),
        ready_timeout_seconds=1.0,
    )
    await watched.run(unit)
    failure = await watched.ended()
    assert failure.message.startswith("was not ready within 1 s: ")
    assert "answers 503" in failure.message


async def test_a_program_that_does_not_exist_is_named(watched):
    """A command that cannot be run fails the start with the name of the program."""
    await watched.run(Unit(name="api", command=lambda: CommandLine(("/no/such/program",)), one_shot=True))
    failure = await watched.ended()
    assert "cannot run /no/such/program" in failure.log_lines[-1]


async def test_a_failing_step_fails_the_start(watched):
    """What needs a step does not start when the step fails."""
    await watched.run(watched.unit("migrate", "crash=0.05", one_shot=True), watched.unit("api", needs=("migrate",)))
    failure = await watched.ended()
    assert (failure.name, failure.message) == ("migrate", "exited with code 7")
    assert _started(watched.notes()) == ["migrate"]


async def test_a_stop_during_the_start_stops_what_has_started(watched, free_port):
    """SIGTERM while things come up leaves nothing behind and is no failure."""
    await watched.run(
        watched.unit("store", f"port={free_port}", "late=60", probe=HttpProbe(f"http://127.0.0.1:{free_port}/")),
        watched.unit("api", needs=("store",)),
    )
    await watched.until(lambda: "store" in _started(watched.notes()))
    pid = watched.entry("store")["pid"]
    assert await watched.stop() is None
    assert not is_alive(pid)
    assert _started(watched.notes()) == ["store"]


async def test_kills_what_ignores_the_request_to_stop_with_its_children(watched):
    """A process that ignores SIGTERM is killed after its time, and so is everything that it started."""
    await watched.run(watched.unit("api", "stubborn", "parent", stop_timeout_seconds=0.5))
    await watched.until(lambda: sum(" started " in note for note in watched.notes()) == 2)
    pids = [int(note.split()[-1]) for note in watched.notes() if " started " in note]
    await watched.stop()
    assert not any(is_alive(pid) for pid in pids)


async def test_an_external_unit_is_asked_but_never_started(watched, free_port):
    """A part that runs elsewhere is waited for like any other, without a process of ours."""
    outside = watched.unit("outside", f"port={free_port}")
    external = Unit(
        name="clickhouse",
        command=lambda: CommandLine(("/must/not/run",)),
        probe=HttpProbe(f"http://127.0.0.1:{free_port}/"),
        external=True,
    )
    await watched.run(outside, external)
    await watched.until(lambda: watched.phase == "up")
    assert (watched.entry("clickhouse")["pid"], watched.entry("clickhouse")["state"]) == (None, "up")
