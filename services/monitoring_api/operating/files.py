"""The notifications file as another process than the worker sees it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify.notification_file import NotificationFile, load_notifications


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What is in the file.

    Attributes:
        content: Channels, routes and inhibitions; None when the file is wrong.
        error: What is wrong with it; None when nothing is.
    """

    content: NotificationFile | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NotificationsPlace:
    """Where the notifications file lies.

    Attributes:
        path: The file.
    """

    path: Path

    async def read(self) -> ReadFile:
        """Read it as it is now."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> ReadFile:
        try:
            return ReadFile(load_notifications(self.path))
        except InvalidFileError as error:
            return ReadFile(None, str(error))
