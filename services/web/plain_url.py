"""For settings that hold the URL of a server which is logged in to by other settings."""

import re
from typing import Final

from pydantic_core import PydanticCustomError

from sightglass.process_settings import NOT_SHOWN

# In front of the host, where no such URL has another @, and the parameters that drivers take.
_LOGIN: Final = re.compile(r"(?i)@|[?&;](?:user|username|password)=")
_CLICKHOUSE: Final = (
    "name the user by the *_CLICKHOUSE_USER of each process, and the file with the password by its "
    "*_CLICKHOUSE_PASSWORD_FILE"
)


def without_login(url: str, *, remedy: str = _CLICKHOUSE) -> str:
    """The URL itself, of one that names neither a user nor a password: it is shown, logged and handed on as it is.

    Args:
        url: What is set.
        remedy: Where the user and the password go instead.

    Raises:
        PydanticCustomError: It names one; the URL is not told.
    """
    if _LOGIN.search(url):
        raise PydanticCustomError(NOT_SHOWN, "the URL holds a user or a password: {remedy}", {"remedy": remedy})
    return url
