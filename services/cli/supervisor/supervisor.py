"""Starts units in order, keeps services running, stops everything in reverse."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.cli.supervisor.backoff import Backoff
from services.cli.supervisor.child import Child, describe_exit
from services.cli.supervisor.log_file import LogFile, last_lines
from services.cli.supervisor.reaper_link import ReaperLink
from services.cli.supervisor.units import State, Unit, in_start_order

_logger = logging.getLogger(__name__)
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Failure:
    """Why the start was given up: what happened, the last it said, what to do."""

    name: str
    message: str
    log: str
    log_lines: tuple[str, ...]
    remedy: str


class UnitError(Exception):
    """A unit could not be brought up."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name} {message}")
        self.name = name
        self.message = message


@dataclass
class Record:
    """A unit and how it fares."""

    unit: Unit
    log: LogFile
    state: State = State.WAITING
    child: Child | None = None
    since: float = field(default_factory=time.time)
    restarts: int = 0
    detail: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def describe(self) -> dict[str, Any]:
        """Say what `state.json` holds about this unit."""
        running = self.child is not None and not self.child.ended
        return {
            "name": self.unit.name,
            "pid": self.child.pid if self.child and running else None,
            "create_time": self.child.create_time if self.child and running else None,
            "state": str(self.state),
            "port": self.unit.ports[0].number if self.unit.ports else None,
            "url": self.unit.url or None,
            "since": self.since,
            "restarts": self.restarts,
            "detail": self.detail,
            "external": self.unit.external,
            "log": str(self.log.path),
            "probe": self.unit.probe.record() if self.unit.probe else None,
        }


class Supervisor:
    """Runs a plan of units until it is told to stop.

    Args:
        units: the plan, in any order.
        logs: the folder for one log file per unit.
        environment: what every process inherits, before its command line's own variables.
        publish: called with the state of everything at each change.
        backoff: how long to wait before a crashed service is started again.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        *,
        logs: Path,
        environment: Mapping[str, str],
        publish: Callable[[dict[str, Any]], None],
        backoff: Backoff | None = None,
        log_max_bytes: int = 10_000_000,
        log_files_kept: int = 3,
    ) -> None:
        self._records = {
            unit.name: Record(unit, LogFile(logs / f"{unit.name}.log", max_bytes=log_max_bytes, kept=log_files_kept))
            for unit in in_start_order(units)
        }
        self._environment = dict(environment)
        self._publish = publish
        self._backoff = backoff or Backoff()
        self._reaper = ReaperLink()
        self._phase = "starting"
        self._failure: Failure | None = None

    async def run(self, stop: asyncio.Event) -> Failure | None:
        """Bring everything up, keep it up until `stop` is set, bring it down.

        Returns:
            None after an orderly stop; the failure when the start was given up.
        """
        self._reaper.start()
        keepers = [asyncio.create_task(self._keep(record)) for record in self._records.values()]
        stopping = asyncio.create_task(stop.wait())
        everything_ready = asyncio.create_task(self._all_ready())
        try:
            waiting = {*keepers, stopping, everything_ready}
            while not stop.is_set() and self._failure is None:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                self._failure = next((f for task in done if (f := self._failure_of(task))), None)
                if everything_ready in done and self._failure is None:
                    self._phase = "up"
                self._tell()
        finally:
            for task in (*keepers, stopping, everything_ready):
                task.cancel()
            await asyncio.gather(*keepers, stopping, everything_ready, return_exceptions=True)
            await self._stop_all()
            self._reaper.close()
        return self._failure

    async def _all_ready(self) -> None:
        for record in self._records.values():
            await record.ready.wait()

    async def _keep(self, record: Record) -> None:
        """Take one unit through its life."""
        for need in record.unit.needs:
            await self._records[need].ready.wait()
        if record.unit.external:
            await self._await_external(record)
        elif record.unit.one_shot:
            await self._finish(record)
        else:
            await self._serve(record)

    async def _await_external(self, record: Record) -> None:
        self._set(record, State.STARTING)
        if problem := await self._until_ready(record, None):
            raise UnitError(record.unit.name, problem)
        self._set(record, State.UP)
        record.ready.set()

    async def _finish(self, record: Record) -> None:
        child = await self._start(record)
        try:
            code = await asyncio.wait_for(child.wait(), record.unit.ready_timeout_seconds)
        except TimeoutError:
            raise UnitError(
                record.unit.name, f"did not finish within {record.unit.ready_timeout_seconds:g} s"
            ) from None
        await self._end(record)
        if code != 0:
            raise UnitError(record.unit.name, describe_exit(code))
        self._set(record, State.DONE)
        record.ready.set()

    async def _serve(self, record: Record) -> None:
        crashes = 0
        while True:
            began = time.monotonic()
            try:
                child = await self._start(record)
                problem = await self._until_ready(record, child)
                if problem is None:
                    self._set(record, State.UP)
                    record.ready.set()
                    problem = describe_exit(await child.wait())
            except UnitError as error:
                problem = error.message
            if not record.ready.is_set():
                raise UnitError(record.unit.name, problem)
            crashes = self._backoff.crashes_in_a_row(crashes, time.monotonic() - began)
            delay_seconds = self._backoff.delay_seconds(crashes)
            await self._end(record)
            record.restarts += 1
            _logger.warning("%s %s; starts again in %g s", record.unit.name, problem, delay_seconds)
            self._set(record, State.RESTARTING, f"{problem}; starts again in {delay_seconds:g} s")
            await asyncio.sleep(delay_seconds)

    async def _start(self, record: Record) -> Child:
        unit = record.unit
        try:
            command = await asyncio.to_thread(unit.command)
            child = await Child.start(command.arguments, {**self._environment, **command.environment}, record.log)
        except Exception as error:  # whatever a plan's command raises is a reason for people, not a crash of ours
            raise UnitError(unit.name, f"cannot be started: {error}") from error
        record.child = child
        self._reaper.add(child.pid)
        _logger.info("%s started as process %d", unit.name, child.pid)
        self._set(record, State.STARTING)
        return child

    async def _until_ready(self, record: Record, child: Child | None) -> str | None:
        """Ask the unit's probe until it says yes: None, else what went wrong."""
        unit = record.unit
        deadline = time.monotonic() + unit.ready_timeout_seconds
        reason = ""
        while child is None or not child.ended:
            if unit.probe is None:
                return None
            answer = await unit.probe.ask(child.pid if child else None)
            if answer.ready:
                return None
            if answer.reason != reason:
                reason = answer.reason
                self._set(record, record.state, reason)
            if time.monotonic() > deadline:
                return f"was not ready within {unit.ready_timeout_seconds:g} s: {reason}"
            await asyncio.sleep(_POLL_SECONDS)
        return f"{describe_exit(await child.wait())} before it was ready"

    async def _end(self, record: Record) -> None:
        if record.child is not None:
            await record.child.stop(record.unit.stop_timeout_seconds)
            self._reaper.remove(record.child.pid)
            record.child = None

    async def _stop_all(self) -> None:
        """Stop in reverse: a unit goes when nobody needs it any more, so producers flush into living consumers."""
        self._phase = "stopping" if self._failure is None else "failing"
        self._tell()
        await asyncio.gather(*(self._stop(record) for record in self._records.values()))
        self._phase = "stopped" if self._failure is None else "failed"
        self._tell()
        for record in self._records.values():
            record.log.close()

    async def _stop(self, record: Record) -> None:
        for other in self._records.values():
            if record.unit.name in other.unit.needs:
                await other.stopped.wait()
        failed = self._failure is not None and self._failure.name == record.unit.name
        if record.child is not None:
            self._set(record, State.STOPPING)
            await self._end(record)
            _logger.info("%s stopped", record.unit.name)
        if record.state is not State.DONE:
            self._set(record, State.FAILED if failed else State.STOPPED)
        record.stopped.set()

    def _failure_of(self, task: "asyncio.Task[Any]") -> Failure | None:
        if task.cancelled() or (error := task.exception()) is None:
            return None
        if not isinstance(error, UnitError):
            _logger.error("the supervisor itself failed", exc_info=error)
            return Failure("supervisor", repr(error), "", (), "This is a defect of Sightglass: please report it.")
        record = self._records[error.name]
        _logger.error("%s", error)
        return Failure(
            error.name,
            error.message,
            str(record.log.path),
            tuple(last_lines(record.log.path)),
            record.unit.remedy,
        )

    def _set(self, record: Record, state: State, detail: str = "") -> None:
        if state is not record.state:
            record.since = time.time()
        record.state, record.detail = state, detail
        self._tell()

    def _tell(self) -> None:
        described = [(record.unit, record.describe()) for record in self._records.values()]
        failure = self._failure
        with contextlib.suppress(OSError):  # a full disk must not take the processes down
            self._publish(
                {
                    "phase": self._phase,
                    "failure": vars(failure) if failure else None,
                    "processes": [entry for unit, entry in described if not unit.one_shot],
                    "steps": [entry for unit, entry in described if unit.one_shot],
                }
            )
