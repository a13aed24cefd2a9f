"""The demo's mails: real ones, sent over SMTP to a server of our own, which keeps them as files."""

import asyncio
import smtplib
import socket
from pathlib import Path

import pytest

from services.monitoring_api.mail_catcher import mailbox as mailboxes
from services.monitoring_api.mail_catcher.mailbox import Mailbox
from services.monitoring_api.mail_catcher.server import DEFAULT_PORT, catching
from services.monitoring_api.notify import channel_test
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channels.demo_mail import DemoMailConfig
from services.monitoring_api.notify.notification_file import load_notifications
from tests.notify.messages import HOSTILE, firing, resolved
from tests.notify.test_messages import SERIES

SHIPPED = Path(__file__).parents[2] / "deploy" / "alerting" / "notifications.yaml"
CONFIG = DemoMailConfig.model_validate({"name": "demo-mail", "type": "demo-mail"})


def surroundings(folder: Path) -> Surroundings:
    """Those of a process on a data folder."""
    return Surroundings({"SIGHTGLASS_DATA_DIR": str(folder)})


def test_an_incident_is_a_conversation_of_files(tmp_path):
    """Firing and resolved lie in the folder as mails whose page has its picture in it, newest first."""

    async def send() -> None:
        channel = CONFIG.build(surroundings(tmp_path))
        async with catching(Mailbox(tmp_path)):
            assert "kept as" in await channel.send(firing(series=SERIES, annotations={"summary": "error ratio é"}))
            assert "answers" in await channel.reach()
            await channel.send(resolved())

    asyncio.run(send())
    end, first = Mailbox(tmp_path).mails()
    assert first.subject == "[FIRING] error ratio é"
    assert (first.sender, first.to) == ("sightglass@example.org", "you@example.org")
    assert end.conversation == first.conversation == first.message_id
    assert end.received_at >= first.received_at > 1_700_000_000
    assert "Value: 0.09" in first.text
    assert "src='data:image/png;base64," in first.html
    assert Mailbox(tmp_path).mail(first.id) == first
    assert (tmp_path / "mail" / f"{first.id}.eml").stat().st_mode & 0o077 == 0


def test_another_container_reaches_it_by_name(tmp_path):
    """With a name beyond loopback the worker listens for others, and a test of the channel goes to that name."""

    async def reached(host: str) -> tuple[str, str]:
        here = Surroundings({"SIGHTGLASS_DATA_DIR": str(tmp_path), "SIGHTGLASS_WORKER_MAIL_HOST": host})
        (tmp_path / "mail" / "port").unlink(missing_ok=True)
        beside = asyncio.create_task(CONFIG.run_beside(here))
        try:
            async with asyncio.timeout(30):
                while Mailbox(tmp_path).port() is None:  # noqa: ASYNC110 - the server's task writes a file
                    await asyncio.sleep(0.01)
                found = await CONFIG.build(here).reach()
                try:
                    _, writer = await asyncio.open_connection("127.0.0.2", Mailbox(tmp_path).port())
                except OSError:
                    return found, "loopback only"
                writer.close()
                return found, "every address"
        finally:
            beside.cancel()

    # The name of this machine, as a container's is.
    answer, listens = asyncio.run(reached(socket.gethostname()))
    assert (f"{socket.gethostname()}:" in answer, listens) == (True, "every address")
    assert asyncio.run(reached(""))[1] == asyncio.run(reached("localhost"))[1] == "loopback only"


def test_the_shipped_file_sends_a_mail_without_an_account(tmp_path):
    """What runs beside its channels is all that it takes: a test of it arrives as a file, and later there is nobody."""

    async def run() -> tuple[channel_test.ChannelVerdict, DeliveryFailedError]:
        here = surroundings(tmp_path)
        beside = [asyncio.create_task(one.run_beside(here)) for one in load_notifications(SHIPPED).channels]
        async with asyncio.timeout(30):
            while Mailbox(tmp_path).port() is None:  # noqa: ASYNC110 - the server's task writes a file
                await asyncio.sleep(0.01)
            verdict = await channel_test.test_channel(SHIPPED, "demo-mail", here)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        with pytest.raises(DeliveryFailedError) as caught:
            await CONFIG.build(here).send(firing())
        return verdict, caught.value

    verdict, after = asyncio.run(run())
    assert verdict.delivered, verdict
    (mail,) = Mailbox(tmp_path).mails()
    assert "nothing is wrong" in mail.subject
    assert "start a worker" in after.remedy


def test_without_a_worker_it_says_so(tmp_path):
    """The verdict names what to start."""
    verdict = asyncio.run(channel_test.test_channel(SHIPPED, "demo-mail", surroundings(tmp_path)))
    assert (verdict.delivered, "sightglass up" in verdict.remedy) == (False, True)


def test_two_instances_on_one_machine_keep_their_own(tmp_path):
    """Where the port is taken another is used, and told in the folder; one that was asked for is not replaced."""

    async def run() -> None:
        one, other = Mailbox(tmp_path / "one"), Mailbox(tmp_path / "other")
        async with catching(one) as first, catching(other) as second:
            assert first != second != DEFAULT_PORT
            assert (one.port(), other.port()) == (first, second)
            await CONFIG.build(surroundings(tmp_path / "other")).send(firing())
            with pytest.raises(OSError, match="in use"):
                async with catching(one, first):
                    pass
        assert (len(one.mails()), len(other.mails())) == (0, 1)

    asyncio.run(run())


def test_it_listens_on_loopback_and_is_no_web_server(tmp_path):
    """A page that a browser is told to send there can't leave a mail, although its body speaks SMTP."""
    body = "HELO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
    request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"

    def speak(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request.encode())
            answer = b""
            try:
                while received := connection.recv(4096):
                    answer += received
            except ConnectionError:
                pass
            return answer

    async def run() -> bytes:
        async with catching(Mailbox(tmp_path)) as port:
            return await asyncio.to_thread(speak, port)

    assert b"250" not in asyncio.run(run())
    assert Mailbox(tmp_path).mails() == []


def test_many_connections_are_refused_and_the_rest_go_on(tmp_path):
    """Nobody can hold up the worker by opening connections."""

    def flood(port: int) -> None:
        held = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]
        refused = [one for one in held[20:] if one.recv(100) == b""]
        assert len(refused) == 20
        for one in held:
            one.close()

    async def run() -> None:
        async with catching(Mailbox(tmp_path)) as port:
            await asyncio.to_thread(flood, port)
            await CONFIG.build(surroundings(tmp_path)).send(firing())

    asyncio.run(run())
    assert len(Mailbox(tmp_path).mails()) == 1


def test_only_the_newest_are_kept(tmp_path, monkeypatch):
    """By number and by size; what comes in the same millisecond keeps its order."""
    monkeypatch.setattr(mailboxes, "KEPT_MAILS", 5)
    monkeypatch.setattr(mailboxes, "KEPT_BYTES", 1_000)
    box = Mailbox(tmp_path)
    box.open(1)
    for i in range(9):
        box.keep(f"Subject: {i}\r\n\r\nx".encode(), 1_795_433_550.0)
    assert [mail.subject for mail in box.mails()] == ["8", "7", "6", "5", "4"]
    assert len(box.mails(2)) == 2
    box.keep(b"Subject: large\r\n\r\n" + b"x" * 2_000, 1_795_433_551.0)
    assert [mail.subject for mail in box.mails()] == ["large"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?utf-8?b?//8=?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff",
        b"From: <<<\r\nTo: ,,,@\r\nMessage-ID: \r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
    ],
)
def test_a_broken_mail_is_listed_too(tmp_path, content):
    """Whatever somebody sends there, the list can be shown."""
    box = Mailbox(tmp_path)
    box.open(1)
    box.keep(content, 1_795_433_550.0)
    (mail,) = box.mails()
    assert mail.size_bytes == len(content)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "x", "1795433550000-0000/..", "1795433550000-0001"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    """A mail is asked for by an id of the list, or there is none."""
    box = Mailbox(tmp_path)
    box.open(1)
    box.keep(b"Subject: x\r\n\r\n", 1_795_433_550.0)
    assert box.mail(name) is None


def test_hostile_text_arrives_as_text(tmp_path):
    """A real SMTP conversation with what telemetry may hold: one mail, no header of its own."""

    async def run() -> None:
        async with catching(Mailbox(tmp_path)):
            await CONFIG.build(surroundings(tmp_path)).send(firing(alertname=HOSTILE, annotations={"summary": HOSTILE}))

    asyncio.run(run())
    (mail,) = Mailbox(tmp_path).mails()
    assert mail.to == "you@example.org"
    assert "<script" not in mail.html


def test_other_programs_may_send_there(tmp_path):
    """An e-mail channel, or anything else that speaks SMTP, can use it at its port."""

    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("a@example.org", ["b@example.org"], "Subject: by hand\r\n\r\nx")

    async def run() -> None:
        async with catching(Mailbox(tmp_path)) as port:
            await asyncio.to_thread(send, port)

    asyncio.run(run())
    assert [mail.subject for mail in Mailbox(tmp_path).mails()] == ["by hand"]
