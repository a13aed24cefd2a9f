"""Starts, follows and stops the supervisor of a data folder: what `up`, `down` and `demo` do."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from services.cli.supervisor.log_file import last_lines
from services.cli.supervisor.progress import Progress
from services.cli.supervisor.remnants import end_remnants, find_remnants
from services.cli.supervisor.run_folder import RunFolder

_POLL_SECONDS = 0.1
# A supervisor stops its children one layer after another; each layer may use up its own time.
_STOP_PATIENCE_SECONDS = 90.0
_ENDING = {"stopping", "stopped", "failing", "failed"}


class StartError(RuntimeError):
    """The start was given up, and everything it had started is stopped."""


class StopError(RuntimeError):
    """Something still runs."""


@dataclass(frozen=True)
class Started:
    """What `start` found or made."""

    was_running: bool
    state: Mapping[str, Any]


def start(
    data_dir: Path,
    *,
    names: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    tell: Callable[[str], None] = lambda _: None,
) -> Started:
    """Start the supervisor unless one runs, and wait until everything is ready.

    Args:
        data_dir: the data folder, also given to the supervisor.
        names: the processes wanted, with what they need; none means all.
        environment: the supervisor's environment.
        tell: called with a line whenever there is something to tell a waiting person.

    Raises:
        StartError: something did not come up. Its text says what, why and what to do.
    """
    data_dir = data_dir.expanduser().resolve()
    folder = RunFolder(data_dir)
    while folder.is_owned() and folder.read_state().get("phase") in _ENDING:
        time.sleep(_POLL_SECONDS)  # an earlier `down` is still at it
    if folder.is_owned():
        tell(f"Already running (supervisor: process {folder.pid()}); waiting until everything is ready.")
        return Started(was_running=True, state=_follow(folder, None, tell))
    try:
        process = _launch(data_dir, names, environment)
    except OSError as error:
        raise StartError(f"The data folder {data_dir} cannot be used: {error}. SIGHTGLASS_DATA_DIR moves it.") from None
    try:
        return Started(was_running=False, state=_follow(folder, process, tell))
    except BaseException:
        # Whatever ends the wait, Ctrl-C too: what this call started must not stay.
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_PATIENCE_SECONDS)
        raise


def stop(data_dir: Path, *, tell: Callable[[str], None] = lambda _: None) -> bool:
    """Stop the supervisor and all its processes, and what an earlier one left.

    Returns:
        Whether there was anything to stop.

    Raises:
        StopError: something still runs.
    """
    folder = RunFolder(data_dir.expanduser().resolve())
    stopped_any = False
    if folder.is_owned():
        stopped_any = True
        _end_supervisor(folder, tell)
    remnants = find_remnants(folder.read_state())
    if remnants:
        stopped_any = True
        tell(f"Ending what a killed supervisor left: {', '.join(remnant.name for remnant in remnants)}")
        end_remnants(remnants)
        time.sleep(_POLL_SECONDS)
    if left := find_remnants(folder.read_state()):
        raise StopError(f"Still running: {', '.join(f'{remnant.name} (group {remnant.group})' for remnant in left)}")
    return stopped_any


def _launch(data_dir: Path, names: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start the supervisor in a session of its own; none of the caller's streams goes with it."""
    logs = data_dir / "logs"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs.mkdir(exist_ok=True)
    with (logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli.supervisor", *names],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**environment, "SIGHTGLASS_DATA_DIR": str(data_dir)},
            start_new_session=True,
        )


def _follow(
    folder: RunFolder, process: "subprocess.Popen[bytes] | None", tell: Callable[[str], None]
) -> Mapping[str, Any]:
    """Wait until the state says that all is up."""
    progress = Progress(tell)
    while True:
        ended = process.poll() is not None if process else not folder.is_owned()
        state = folder.read_state()
        if state.get("supervisor", {}).get("pid") != (process.pid if process else folder.pid()):
            state = {}  # an earlier supervisor's
        progress.follow(state)
        if state.get("phase") == "up":
            return state
        if state.get("phase") == "failed":
            raise StartError(_explain(state["failure"]))
        if ended:
            raise StartError(_explain_silence(folder, state))
        time.sleep(_POLL_SECONDS)


def _explain(failure: Mapping[str, Any]) -> str:
    lines = [f"{failure['name']} {failure['message']}."]
    if failure["log_lines"]:
        lines += [f"The last lines of {failure['log']}:", *(f"  | {line}" for line in failure["log_lines"])]
    if failure["remedy"]:
        lines.append(failure["remedy"])
    return "\n".join(lines)


def _explain_silence(folder: RunFolder, state: Mapping[str, Any]) -> str:
    if state.get("phase") in {"stopping", "stopped"}:
        return "It was stopped while it started."
    log = folder.path.parent / "logs" / "supervisor.log"
    said = "\n".join(f"  | {line}" for line in last_lines(log))
    return f"The supervisor ended without a word in its state. The last lines of {log}:\n{said}"


def _end_supervisor(folder: RunFolder, tell: Callable[[str], None]) -> None:
    pid = folder.pid()
    if pid is None:
        raise StopError(f"A supervisor owns {folder.path.parent}, but {folder.path} does not say which process it is.")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
    told: dict[str, str] = {}
    while folder.is_owned() and time.monotonic() < deadline:
        for entry in folder.read_state().get("processes", []):
            if entry["state"] in {"stopping", "stopped"} and told.get(entry["name"]) != entry["state"]:
                told[entry["name"]] = entry["state"]
                tell(f"  {entry['name']:<16} {entry['state']}")
        time.sleep(_POLL_SECONDS)
    if folder.is_owned():
        tell("The supervisor does not stop; killing it.")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.Error, psutil.TimeoutExpired):
        psutil.Process(pid).wait(10)
