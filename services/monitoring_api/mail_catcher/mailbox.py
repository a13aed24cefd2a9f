"""Mails that were caught: `.eml` files in the data folder, the newest of them kept."""

import base64
import email
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

KEPT_MAILS = 200
KEPT_BYTES = 50_000_000
_ID = re.compile(r"\d{13,16}-\d{4}")
_PICTURES = {"image/png", "image/jpeg", "image/gif"}


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail. Its texts are whatever was sent: a page has to show `html` without letting it act.

    Attributes:
        id: Its name in the folder, without `.eml`.
        received_at: Epoch seconds.
        subject: Its subject.
        sender: Its From.
        to: Its To.
        text: Its text part; empty when there is none.
        html: Its page, with the pictures that lie in the mail put into it; empty when there is none.
        message_id: Its Message-ID.
        conversation: The id of the mail that began its conversation: its first reference, or its own.
        size_bytes: Its size.
    """

    id: str
    received_at: float
    subject: str
    sender: str
    to: str
    text: str
    html: str
    message_id: str
    conversation: str
    size_bytes: int


@dataclass(frozen=True)
class Mailbox:
    """The folder `mail` of a data folder."""

    data_dir: Path

    @property
    def folder(self) -> Path:
        """Where the mails lie."""
        return self.data_dir / "mail"

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    def port(self) -> int | None:
        """Where the catcher of this folder listened last; None when there was none yet."""
        try:
            return int(self._port_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def open(self, port: int) -> None:
        """Make the folder, for its owner only, and say where mails are taken."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self._port_file, str(port).encode("ascii"))

    def keep(self, content: bytes, now: float) -> str:
        """Keep a mail, and drop the oldest ones that are too many; called by one at a time.

        Args:
            content: The mail as it was sent.
            now: When it came, epoch seconds.

        Returns:
            Its id.
        """
        moment = f"{int(now * 1000):013}"
        same = [int(path.stem[-4:]) for path in self._newest_first() if path.stem.startswith(f"{moment}-")]
        name = f"{moment}-{max(same, default=-1) + 1:04}"
        _write(self.folder / f"{name}.eml", content)
        self._drop_oldest()
        return name

    def mails(self, limit: int = 50) -> list[CaughtMail]:
        """The newest mails, newest first; one that is dropped meanwhile is left out."""
        found = (self.mail(path.stem) for path in itertools.islice(self._newest_first(), limit))
        return [mail for mail in found if mail is not None]

    def mail(self, name: str) -> CaughtMail | None:
        """One mail by its id; None when there is none."""
        if not _ID.fullmatch(name):
            return None
        try:
            content = (self.folder / f"{name}.eml").read_bytes()
        except OSError:
            return None
        return _read(name, content)

    def _newest_first(self) -> Iterator[Path]:
        paths = [path for path in self.folder.glob("*.eml") if _ID.fullmatch(path.stem)]
        yield from sorted(paths, reverse=True)

    def _drop_oldest(self) -> None:
        size = 0
        for place, path in enumerate(self._newest_first()):
            size += path.stat().st_size
            # The newest stays, however large.
            if place and (place >= KEPT_MAILS or size > KEPT_BYTES):
                path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    pending = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    pending.replace(path)


def _read(name: str, content: bytes) -> CaughtMail:
    message = email.message_from_bytes(content, policy=default)
    own = _header(message, "Message-ID")
    return CaughtMail(
        id=name,
        received_at=int(name.partition("-")[0]) / 1000,
        subject=_header(message, "Subject"),
        sender=_header(message, "From"),
        to=_header(message, "To"),
        text=_part(message, "plain"),
        html=_with_pictures(message, _part(message, "html")),
        message_id=own,
        conversation=(_header(message, "References").split() or [own])[0],
        size_bytes=len(content),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except Exception:  # the parser fails on some malformed headers when they are read
        return ""


def _part(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body((kind,))
        return "" if part is None else str(part.get_content())
    except Exception:  # an unknown character set, a broken encoding: the mail is shown without this part
        return ""


def _with_pictures(message: EmailMessage, page: str) -> str:
    for part in message.walk() if "cid:" in page else ():
        content_id = str(part.get("Content-ID", "")).strip("<> ")
        if content_id and part.get_content_type() in _PICTURES:
            content = part.get_payload(decode=True)
            encoded = base64.b64encode(content if isinstance(content, bytes) else b"").decode("ascii")
            page = page.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{encoded}")
    return page
