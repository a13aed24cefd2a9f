"""Who listens on a port that we need."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from services.cli.supervisor.units import Port, Unit


@dataclass(frozen=True)
class TakenPort:
    """A port that a unit needs and cannot have."""

    unit: str
    port: Port
    holder: str

    def __str__(self) -> str:
        return (
            f"port {self.port.number}, which {self.unit} needs, is taken by {self.holder}. "
            f"Stop that process, or move ours: {self.port.setting}=<a free port>"
        )


def taken_ports(units: Iterable[Unit]) -> list[TakenPort]:
    """Find every port that cannot be listened on, also those that two of our own units ask for."""
    taken: list[TakenPort] = []
    owners: dict[int, str] = {}
    for unit in units:
        if unit.external:
            continue
        for port in unit.ports:
            if port.number in owners:
                taken.append(TakenPort(unit.name, port, f"{owners[port.number]}, one of our own processes"))
            elif not _is_free(port):
                taken.append(TakenPort(unit.name, port, holder_of(port.number)))
            owners.setdefault(port.number, unit.name)
    return taken


def holder_of(number: int) -> str:
    """Name the process that listens on a port, as far as this user may know."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        connections = []  # not every system shows everybody's connections to everybody
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == number
        if listens and connection.pid:
            return describe_process(connection.pid)
    return "a process that this user may not see (as root: ss -ltnp)"


def describe_process(pid: int) -> str:
    """Name a process: `nginx (process 12: nginx -g daemon off)`."""
    try:
        process = psutil.Process(pid)
        name, command = process.name(), " ".join(process.cmdline())
    except psutil.Error:
        return f"process {pid}"
    return f"{name} (process {pid}: {command[:120]})" if command else f"{name} (process {pid})"


def _is_free(port: Port) -> bool:
    """Try to listen there. A port in TIME_WAIT counts as free, as it does for a server."""
    try:
        addresses = socket.getaddrinfo(port.host, port.number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return True  # not a port's problem: the process itself says what is wrong with the address
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                probe.listen(1)
            except PermissionError:
                return True  # a privileged port: free, but not for us; the process itself says so
            except OSError:
                return False
    return True
