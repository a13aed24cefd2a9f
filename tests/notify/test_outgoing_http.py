"""Outgoing HTTP can't be turned against the inside of a network."""

import asyncio
from ipaddress import ip_address

import pytest
from pydantic import SecretStr

from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.http_sender import HttpSender, parse_retry_after
from services.monitoring_api.notify.resolver import Allowed, refusal, system_resolve
from tests.notify.receivers import HttpReceiver

NOW = 1_795_433_550.0


def resolving(*addresses: str):
    """A resolver that always says the same, and remembers what it was asked."""
    asked = []

    async def resolve(host, port):
        asked.append((host, port))
        return [ip_address(address) for address in addresses]

    resolve.asked = asked
    return resolve


def post(url: str, resolve, *, allow_private: bool = False, timeout: float = 5.0, allow=()):
    """POST an empty object."""
    sender = HttpSender(resolve, timeout, allow_private, Allowed.of(allow))
    return asyncio.run(sender.post(SecretStr(url), b"{}", {"Content-Type": "application/json"}, now=NOW))


def refused(url: str, resolve, **options) -> DeliveryFailedError:
    """POST in vain, and return why."""
    with pytest.raises(DeliveryFailedError) as caught:
        post(url, resolve, **options)
    return caught.value


INSIDE = [
    "127.0.0.1",
    "127.255.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "::1",
    "fc00::1",
    "fd12::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "::10.0.0.1",
    "fec0::1",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "64:ff9b:1::a9fe:a9fe",
    "::169.254.169.254",
    "fd20:ce::254",
    "fd00:ec2::23",
]


@pytest.mark.parametrize("address", INSIDE)
def test_the_inside_needs_permission(address):
    """Private and loopback addresses, in every disguise, are refused unless allow_private says otherwise."""
    assert refusal(ip_address(address), allow_private=False)
    assert refusal(ip_address(address), allow_private=True) is None or address == "240.0.0.1"


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_called(address):
    """Metadata services, link-local and non-hosts are refused even with allow_private."""
    assert refusal(ip_address(address), allow_private=True)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_the_outside_may_be_called(address):
    """Public addresses need no permission."""
    assert refusal(ip_address(address), allow_private=False) is None


@pytest.mark.parametrize("allow", [["127.0.0.1"], ["127.0.0.0/8"], ["Inside.Example."], ["::1", "inside.example"]])
def test_an_internal_target_can_be_allowed(allow):
    """By its name, its address or its network."""
    with HttpReceiver() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        assert post(f"http://inside.example:{port}/", resolving("127.0.0.1"), allow=allow).status == 200


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("127.0.0.1", ["127.0.0.2"]),
        ("127.0.0.1", ["10.0.0.0/8", "::/0"]),
        ("10.0.0.1", ["example", "side.example", "other.example"]),
        ("169.254.169.254", ["169.254.169.254", "inside.example", "0.0.0.0/0"]),
        ("::ffff:169.254.169.254", ["::/0", "inside.example"]),
        ("169.254.7.7", ["169.254.0.0/16"]),
        ("fd00:ec2::254", ["::/0"]),
    ],
)
def test_what_is_allowed_allows_nothing_else(address, allow):
    """Another address or name stays refused, and metadata services and link-local addresses always."""
    error = refused("http://inside.example/", resolving(address), allow=allow)
    assert error.permanent
    assert "is not called" in error.message


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "10.1.2.3/8", "a b", "http://x", "", "1.2.3", "x/y"])
def test_what_can_t_be_allowed(entry):
    """An entry is a host's name, an address or a whole network; else it is named."""
    with pytest.raises(ValueError, match="neither a host name nor an address"):
        Allowed.of([entry])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://127.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0:{port}/",
    ],
)
def test_no_spelling_of_loopback_gets_through(url):
    """With the system's own resolver, the receiver on loopback is never reached."""
    with HttpReceiver() as receiver:
        refused(url.format(port=receiver.url.split(":")[2].split("/")[0]), system_resolve)
        assert receiver.requests == []


def test_one_bad_address_among_good_ones_is_enough():
    """A name that also leads inside is not called at all."""
    error = refused("http://example.org/", resolving("93.184.216.34", "127.0.0.1"))
    assert error.permanent
    assert "allow_private" in str(error)


def test_a_host_is_resolved_once_and_that_address_is_called():
    """A second DNS answer can't redirect the connection: the name is asked once, the request still names it."""
    with HttpReceiver() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        resolve = resolving("127.0.0.1")
        post(f"http://rebinding.example:{port}/x?y=1", resolve, allow_private=True)
        assert resolve.asked == [("rebinding.example", port)]
        path, headers, _ = receiver.requests[0]
        assert (path, headers["Host"]) == ("/x?y=1", f"rebinding.example:{port}")


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    """A proxy would resolve the name again, out of reach of the guard."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with HttpReceiver() as receiver:
        assert post(receiver.url, resolving("127.0.0.1"), allow_private=True).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused(status):
    """Neither followed nor taken for a success."""
    with HttpReceiver() as inside, HttpReceiver(status=status, headers={"Location": inside.url}) as receiver:
        error = refused(receiver.url, resolving("127.0.0.1"), allow_private=True)
        assert error.permanent
        assert "redirects are not followed" in str(error)
        assert inside.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://x/",
        "//x/",
        "x",
        "",
        "http://",
        "http://u:p@h/",
        "http://h:99999/",
        "http://\x00/",
    ],
)
def test_other_urls_are_refused(url):
    """Only http and https, with a host and without credentials; the text shows none of it."""
    resolve = resolving("93.184.216.34")
    error = refused(url, resolve)
    assert error.permanent
    assert "u:p" not in str(error)
    assert resolve.asked == []


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (401, True), (404, True), (410, True), (408, False), (429, False), (500, False), (503, False)],
)
def test_what_an_answer_means(status, permanent):
    """The receiver's fault is tried again soon, ours seldom."""
    with HttpReceiver(status=status) as receiver:
        assert refused(receiver.url, resolving("127.0.0.1"), allow_private=True).permanent is permanent


def test_retry_after_is_read():
    """A 429 says when to come back."""
    with HttpReceiver(status=429, headers={"Retry-After": "17"}) as receiver:
        assert refused(receiver.url, resolving("127.0.0.1"), allow_private=True).retry_after_seconds == 17


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("soon", None),
        ("-1", None),
        ("\u00b2", None),
        ("Mon, 23 Nov 2026 11:33:30 GMT", 60),
    ],
)
def test_forms_of_retry_after(text, seconds):
    """Seconds, or a date; anything else is as good as nothing."""
    assert parse_retry_after(text, 1_795_433_550.0) == seconds


def test_a_receiver_that_never_answers_is_left():
    """The whole exchange is bounded."""
    import threading

    held = threading.Event()
    with HttpReceiver(hold=held) as receiver:
        error = refused(receiver.url, resolving("127.0.0.1"), allow_private=True, timeout=0.3)
        held.set()
    assert "did not answer within 0.3 seconds" in str(error)


def test_an_endless_answer_is_cut_off():
    """A megabyte of error is not read, and little of it is shown."""
    with HttpReceiver(status=500, body=b"x" * 1_000_000) as receiver:
        assert len(str(refused(receiver.url, resolving("127.0.0.1"), allow_private=True))) < 400
