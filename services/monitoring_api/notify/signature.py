"""Signing a body, so that its receiver knows who sent it, when, and that nobody changed it."""

import hashlib
import hmac

from pydantic import SecretStr

HEADER = "X-Sightglass-Signature"


def sign(secret: SecretStr, body: bytes, now: float) -> str:
    """The header's value, `t=1795433551,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body.

    Args:
        secret: Known to the receiver too.
        body: The bytes that are sent.
        now: The time of sending, epoch seconds; a receiver refuses what is too old, so that nothing can be replayed.
    """
    at = int(now)
    signed = hmac.new(secret.get_secret_value().encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
