"""The mails that the demo's own mail server has taken, as they lie in the data folder."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.mail_catcher.mailbox import CaughtMail, Mailbox
from services.monitoring_api.routes import mails as told
from services.web.problems import Unavailable

# Longer ones come from somebody else, for our own are not.
LONGEST_TEXT: Final = 20_000
LONGEST_PAGE: Final = 300_000
_LONGEST_HEADER: Final = 1_000


@dataclass(frozen=True, slots=True)
class CaughtMails:
    """Reads the mails.

    Attributes:
        data_dir: The data folder.
    """

    data_dir: Path

    async def mails(self, limit: int) -> told.Mails:
        """The newest mails, newest first; none where nobody ever took any.

        Raises:
            Unavailable: When the folder can't be read.
        """
        try:
            found = await asyncio.to_thread(Mailbox(self.data_dir).mails, limit)
        except OSError as error:
            raise Unavailable(f"The folder of mails can't be read: {error.strerror}.") from error
        return told.Mails(mails=[_document(mail) for mail in found])


def _document(mail: CaughtMail) -> told.Mail:
    return told.Mail.model_validate(
        {
            "id": mail.id,
            "received_at": rfc3339(mail.received_at),
            "subject": _sound(mail.subject)[:_LONGEST_HEADER],
            "sender": _sound(mail.sender)[:_LONGEST_HEADER],
            "to": _sound(mail.to)[:_LONGEST_HEADER],
            "text": _sound(mail.text)[:LONGEST_TEXT],
            "html": _sound(mail.html) if len(mail.html) <= LONGEST_PAGE else "",
            "conversation": _sound(mail.conversation)[:_LONGEST_HEADER],
            "size_bytes": mail.size_bytes,
        }
    )


def _sound(text: str) -> str:
    """Text that JSON can carry: mails from elsewhere may hold halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")
