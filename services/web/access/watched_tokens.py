"""The tokens as a serving process knows them: the file is looked at for each request, and read when it has changed."""

import logging
from collections.abc import Mapping

from services.web.access.token_file import FileStamp, TokenFile, TokenFileError
from services.web.access.tokens import Token

_logger = logging.getLogger(__name__)


class TokensUnknownError(Exception):
    """The file of tokens can't be used now, so nobody is let in."""


class WatchedTokens:
    """Follows a file of tokens, so that a new one works at once, and a revoked one no longer.

    A look costs a microsecond or two, the same for every request.

    Args:
        file: The file.
    """

    def __init__(self, file: TokenFile) -> None:
        self._file = file
        self._stamp: FileStamp | None = None
        self._tokens: Mapping[str, Token] = {}
        self._problem = ""

    def current(self) -> Mapping[str, Token]:
        """Every token by its id.

        Raises:
            TokensUnknownError: The file can't be used. What it said before counts no longer: it may have been changed
                in order to revoke a token.
        """
        try:
            # Looked at before it is read: a change in between is seen the next time.
            stamp = self._file.stamp()
            if stamp != self._stamp or self._problem:
                self._tokens = {token.id: token for token in self._file.read()}
                self._stamp, self._problem = stamp, ""
        except TokenFileError as error:
            if str(error) != self._problem:
                _logger.error("Nobody is let in: %s", error)  # noqa: TRY400  (the message says it all)
            self._problem = str(error)
            raise TokensUnknownError(self._problem) from None
        return self._tokens
