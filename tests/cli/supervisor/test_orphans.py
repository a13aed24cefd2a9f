"""Nothing survives the supervisor."""

import os
import signal
import subprocess
import sys

import pytest

from services.cli.supervisor.remnants import end_remnants, find_remnants
from services.cli.supervisor.run_folder import AlreadyRunningError, RunFolder
from tests.cli.supervisor import supervise
from tests.cli.supervisor.conftest import is_alive, wait_until


@pytest.fixture
def start(tmp_path):
    """Start a supervisor process; whatever a test does, nothing of it stays."""
    processes = []

    def start(*units):
        process = subprocess.Popen(
            [sys.executable, supervise.__file__, str(tmp_path / "data"), str(tmp_path / "diary"), *units],
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
    end_remnants(find_remnants(RunFolder(tmp_path / "data").read_state()), grace_seconds=0)


def _pids(tmp_path):
    try:
        lines = (tmp_path / "diary").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [int(line.split()[-1]) for line in lines if " started " in line]


def test_kill_9_of_the_supervisor_leaves_no_orphans(start, tmp_path):
    """Children, grandchildren and processes that ignore SIGTERM all end when the supervisor is killed."""
    supervisor = start("store:", "api:parent stubborn", "worker:slow=0.3")
    wait_until(lambda: len(_pids(tmp_path)) == 4)
    pids = _pids(tmp_path)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 15, "orphans are left")
    assert "store stopped" in (tmp_path / "diary").read_text(), "what can stop in order is asked to, not killed"


def test_what_a_killed_supervisor_left_is_found_and_ended(start, tmp_path):
    """Should the reaper have been killed as well, the record still tells the leftovers from other processes."""
    supervisor = start("store:stubborn")
    wait_until(lambda: len(_pids(tmp_path)) == 1)
    (pid,) = _pids(tmp_path)
    folder = RunFolder(tmp_path / "data")
    wait_until(lambda: folder.read_state().get("phase") == "up")
    _kill_reaper_and(supervisor)
    assert is_alive(pid)
    assert not folder.is_owned()
    state = folder.read_state()
    assert [(remnant.name, remnant.group) for remnant in find_remnants(state)] == [("store", pid)]
    state["processes"][0]["create_time"] -= 100
    assert find_remnants(state) == [], "another process that got the same number is nobody of ours"
    end_remnants(find_remnants(folder.read_state()), grace_seconds=0.3)
    wait_until(lambda: not is_alive(pid))


def test_sigterm_stops_the_processes_first(start, tmp_path):
    """An ordinary stop of the supervisor ends its processes and lets go of the data folder."""
    supervisor = start("store:", "api:")
    folder = RunFolder(tmp_path / "data")
    wait_until(lambda: folder.read_state().get("phase") == "up" and len(_pids(tmp_path)) == 2)
    assert folder.pid() == supervisor.pid
    assert folder.is_owned()
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert not any(is_alive(pid) for pid in _pids(tmp_path))
    assert not folder.is_owned()
    assert folder.pid() is None


def test_one_supervisor_per_data_folder(start, tmp_path):
    """A second supervisor on the same folder is refused and told who owns it."""
    supervisor = start("store:")
    folder = RunFolder(tmp_path / "data")
    wait_until(lambda: folder.read_state().get("phase") == "up")
    with pytest.raises(AlreadyRunningError, match=f"process {supervisor.pid}"), folder.owned():
        pass


def _kill_reaper_and(supervisor):
    """Freeze the supervisor so that it cannot start another reaper, then kill both."""
    import psutil

    supervisor.send_signal(signal.SIGSTOP)
    for child in psutil.Process(supervisor.pid).children():
        if "reaper.py" in " ".join(child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
    supervisor.kill()
    supervisor.wait()
