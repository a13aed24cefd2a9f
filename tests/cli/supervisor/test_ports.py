import os
import socket

from services.cli.supervisor.ports import taken_ports
from services.cli.supervisor.units import CommandLine, Port, Unit


def unit(name, *ports, external=False):
    """A unit that listens on these ports."""
    return Unit(
        name=name,
        command=lambda: CommandLine(()),
        ports=tuple(Port("127.0.0.1", port, f"SIGHTGLASS_{name.upper()}_PORT") for port in ports),
        external=external,
    )


def test_names_the_port_its_setting_and_who_holds_it(free_port):
    """A taken port is told with the process that holds it and the variable that moves ours."""
    with socket.create_server(("127.0.0.1", free_port)):
        (taken,) = taken_ports([unit("dashboard", free_port)])
    text = str(taken)
    assert f"port {free_port}, which dashboard needs, is taken by " in text
    assert f"(process {os.getpid()}: " in text
    assert "SIGHTGLASS_DASHBOARD_PORT=<a free port>" in text


def test_free_ports_are_not_reported(free_port):
    """A port that nobody listens on is free, also right after a listener left it."""
    address = ("127.0.0.1", free_port)
    with socket.create_server(address) as server, socket.create_connection(address):
        server.accept()[0].close()
    assert taken_ports([unit("dashboard", free_port)]) == []


def test_two_of_our_own_on_one_port(free_port):
    """Settings that give two processes the same port are caught before either starts."""
    (taken,) = taken_ports([unit("dashboard", free_port), unit("api", free_port)])
    assert "which api needs, is taken by dashboard, one of our own processes" in str(taken)


def test_an_external_part_needs_no_port(free_port):
    """Nothing is started for an external part, so its port may well be taken."""
    with socket.create_server(("127.0.0.1", free_port)):
        assert taken_ports([unit("clickhouse", free_port, external=True)]) == []
