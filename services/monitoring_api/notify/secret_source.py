"""Secrets come from the environment or from files, and are read at each attempt, so that they may be rotated."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from services.monitoring_api.notify.channel import DeliveryFailedError


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is: a variable's name or a file."""

    variable: str | None = None
    file: Path | None = None

    def __bool__(self) -> bool:
        return self.variable is not None or self.file is not None

    def read(self, environment: Mapping[str, str]) -> SecretStr:
        """The secret.

        Raises:
            DeliveryFailedError: When it isn't there.
        """
        if self.variable is not None:
            value = environment.get(self.variable, "").strip()
            if not value:
                raise DeliveryFailedError(
                    f"the environment variable {self.variable} is not set",
                    permanent=True,
                    remedy="set it, or put it into .env, where the worker starts, and start the worker again",
                )
            return SecretStr(value)
        if self.file is not None:
            try:
                value = self.file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "not text"
                raise DeliveryFailedError(
                    f"can't read the secret file {self.file}: {why}",
                    permanent=True,
                    remedy="the file must be there, and readable for the worker",
                ) from None
            if not value:
                raise DeliveryFailedError(
                    f"the secret file {self.file} is empty", permanent=True, remedy="put the secret into it"
                )
            return SecretStr(value)
        raise DeliveryFailedError("no secret is configured", permanent=True)
