"""Where the doctor believes that a part is."""

import pytest

from services.cli.doctor.reach import Reach, Reader, is_here


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.0.0.53", True),
        ("0.0.0.0", True),
        ("::1", True),
        ("[::1]", True),
        # Of the blocks for documentation, which no machine has.
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        # A container's name may mean any machine.
        ("collector", False),
        ("monitor.example.org", False),
    ],
)
def test_only_addresses_of_this_machine_are_here(host, here):
    """Loopback, and whatever can be bound to; of names only `localhost`."""
    assert is_here(host) is here


@pytest.mark.parametrize(
    ("urls", "elsewhere"),
    [
        ({"ml-api": "http://ml-api:8002", "collector": "http://collector:4318"}, True),
        ({"ml-api": "http://ml-api:8002", "collector": "http://127.0.0.1:4318"}, False),
        ({"ml-api": "http://127.0.0.1:8002", "clickhouse": "https://db.example.org:8443"}, False),
        ({"ml-api": "http://ml-api:8002", "clickhouse": "http://127.0.0.1:8123"}, True),
        ({"ml-api": "http://[::1"}, False),
    ],
)
def test_an_instance_is_elsewhere_when_none_of_our_processes_is_here(urls, elsewhere, tmp_path):
    """A ClickHouse server of its own decides nothing, for nothing of ours would start it."""
    assert Reach(urls, "", "", Reader("reader", tmp_path, "otel")).is_elsewhere is elsewhere
