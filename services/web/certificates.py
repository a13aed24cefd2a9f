"""Telling a server that is not trusted from one that is not there."""

import ssl


def is_untrusted(error: BaseException | None) -> bool:
    """Whether a failed call goes back to the server's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
