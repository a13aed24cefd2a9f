"""Who asks: the name on the page, and what the monitoring API is told."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

_LONGEST_TOKEN: Final = 512
_TOKEN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Identity:
    """Somebody who may ask.

    Attributes:
        token: sent as a bearer token; none where the API asks for none.
        name: shown on the page; empty where nobody signs in.
        role: shown beside it: `viewer` or `operator` where the dashboard decides it, else what the API says.
        delegated: whether the token is the dashboard's own and the name is that of somebody who signed in, so that
            the API is told on whose behalf it is asked.
    """

    token: SecretStr | None = None
    name: str = ""
    role: str = ""
    delegated: bool = field(default=False, kw_only=True)

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request carries."""
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        return headers | ({"X-Sightglass-User": self.name, "X-Sightglass-Role": self.role} if self.delegated else {})

    @property
    def rights(self) -> str:
        """Equal for those who get the same answers, so that they may share them; tells nothing of the token."""
        secret = self.token.get_secret_value() if self.token else ""
        return hashlib.sha256(f"{self.role}\0{secret}".encode()).hexdigest()


def bearer(token: str) -> Identity | None:
    """Somebody who shows a token, whose name is not known yet; None for text that cannot be one."""
    text = token.strip()
    if len(text) > _LONGEST_TOKEN or not _TOKEN.fullmatch(text):
        return None
    return Identity(SecretStr(text))
