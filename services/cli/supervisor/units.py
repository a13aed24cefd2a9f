"""What the supervisor runs: services that stay up, and steps that finish."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.cli.supervisor.readiness import Probe


class State(StrEnum):
    """Where a unit stands. A service is well when it is `up`, a step when it is `done`."""

    WAITING = "waiting"
    STARTING = "starting"
    UP = "up"
    DONE = "done"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Port:
    """One port that a unit listens on, and the setting that moves it."""

    host: str
    number: int
    setting: str


@dataclass(frozen=True)
class CommandLine:
    """What to start: the arguments, and variables that only this process gets."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """One thing to run.

    Attributes:
        name: as in `sightglass status`.
        command: gives the command line at each start, for it may depend on what a step produced.
        needs: names of the units that must be ready first, and that stop only after this one.
        probe: asked until it says yes; None means ready as soon as it runs.
        ports: where it listens; the first one is shown.
        url: what a person opens or points a client at.
        one_shot: a step, ready when it exits with 0.
        remedy: what a person should do when it fails.
        external: already runs elsewhere: nothing is started, only its probe is asked.
    """

    name: str
    command: Callable[[], CommandLine]
    needs: tuple[str, ...] = ()
    probe: Probe | None = None
    ports: tuple[Port, ...] = ()
    url: str = ""
    one_shot: bool = False
    remedy: str = ""
    external: bool = False
    ready_timeout_seconds: float = 60.0
    stop_timeout_seconds: float = 15.0


class PlanError(ValueError):
    """The units do not form a plan: an unknown name or a circle."""


def in_start_order(units: Iterable[Unit]) -> list[Unit]:
    """Order units so that each comes after all it needs.

    Raises:
        PlanError: a unit needs an unknown one, or units need each other in a circle.
    """
    by_name = {unit.name: unit for unit in units}
    ordered: list[Unit] = []
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            raise PlanError(f"units need each other in a circle: {' -> '.join([*path, name])}")
        if name not in by_name:
            raise PlanError(f"{path[-1]} needs {name}, which is not in the plan")
        path.append(name)
        for need in by_name[name].needs:
            visit(need)
        path.pop()
        done.add(name)
        ordered.append(by_name[name])

    for name in by_name:
        visit(name)
    return ordered


def only(units: Iterable[Unit], names: Iterable[str]) -> list[Unit]:
    """Keep the named units and all that they need.

    Raises:
        PlanError: a name is unknown.
    """
    ordered = in_start_order(units)
    known = {unit.name: unit for unit in ordered}
    kept: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in known:
            raise PlanError(f"there is no process {name}; there are {', '.join(sorted(known))}")
        if name not in kept:
            kept.add(name)
            pending.extend(known[name].needs)
    return [unit for unit in ordered if unit.name in kept]
