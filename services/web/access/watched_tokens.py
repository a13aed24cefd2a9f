"""The tokens as a serving process knows them: looked at again at most every second, so that a revoked one ends soon."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from services.web.access.token_file import FileStamp, TokenFile, TokenFileError
from services.web.access.tokens import Token

_logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0


class TokensUnknownError(Exception):
    """The file of tokens can't be used now, so nobody is let in."""


class WatchedTokens:
    """Follows a file of tokens.

    Args:
        file: The file.
        clock: Monotonic seconds.
    """

    def __init__(self, file: TokenFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._look_at = float("-inf")
        self._stamp: FileStamp | None = None
        self._tokens: Mapping[str, Token] = {}
        self._problem = ""

    def current(self) -> Mapping[str, Token]:
        """Every token by its id.

        Raises:
            TokensUnknownError: The file can't be used. What it said before counts no longer: it may have been changed
                in order to revoke a token.
        """
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._look()
        if self._problem:
            raise TokensUnknownError(self._problem)
        return self._tokens

    def _look(self) -> None:
        try:
            stamp = self._file.stamp()
            if stamp == self._stamp and not self._problem:
                return
            # Looked at before it is read: a change in between is seen the next time.
            self._tokens = {token.id: token for token in self._file.read()}
            self._stamp, self._problem = stamp, ""
        except TokenFileError as error:
            if str(error) != self._problem:
                _logger.error("Nobody is let in: %s", error)  # noqa: TRY400  (the message says it all)
            self._problem = str(error)
