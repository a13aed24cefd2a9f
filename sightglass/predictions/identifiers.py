"""Identifiers: time-ordered prediction ids, hashed entity ids."""

import functools
import hashlib
import logging
import os
import random
import time
from struct import Struct
from typing import Final

from sightglass.entity_salt import ENTITY_SALT_FILE_VARIABLE

_UUID_VERSION_7: Final = 0x7000
_UUID_VARIANT: Final = 0b10 << 62
_pack: Final = Struct(">QQ").pack
_SUB_MILLISECOND_STEPS: Final = 4096
_BLOCK_BYTES: Final = 64

# Of its own: a service that seeds Python's generator must not repeat its ids. Asking the system each time costs more
# than the rest of an id.
_random: Final = random.Random()  # noqa: S311  # unique, not secret
os.register_at_fork(after_in_child=_random.seed)

_logger = logging.getLogger(__name__)


def new_prediction_id(at_ns: int | None = None) -> str:
    """A UUID of version 7 as text: storing by id is nearly storing by time.

    The 12 bits after the millisecond hold its fraction (RFC 9562, section 6.2, method 3), so that ids made by one
    process sort in the order they were made, down to a quarter of a microsecond.

    Args:
        at_ns: Moment that the id carries, nanoseconds since the epoch; now when left out.
    """
    moment = time.time_ns() if at_ns is None else at_ns
    milliseconds, rest = divmod(max(moment, 0), 1_000_000)
    fraction = rest * _SUB_MILLISECOND_STEPS // 1_000_000
    digits = _pack(
        (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | _UUID_VERSION_7 | fraction, _UUID_VARIANT | _random.getrandbits(62)
    ).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@functools.cache
def _warn_unsalted() -> None:
    _logger.warning(
        "Entity ids are hashed without a salt, so that someone who can guess an id can recognise it. "
        "Name with %s a file with a secret that all your services share.",
        ENTITY_SALT_FILE_VARIABLE,
    )


class EntityHash:
    """The hash under which an entity is known outside of its own service: HMAC-SHA-256, first 128 bits, hexadecimal.

    Source: RFC 2104. The two keyed states are made once: OpenSSL's one-shot function takes ten times as long.

    Args:
        salt: The secret that all services whose entities shall match have in common; None where it can't be used, and
            then no id has a hash.
    """

    def __init__(self, salt: str | None) -> None:
        self._refuses = salt is None
        key = (salt or "").encode(errors="replace")
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        key = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._salted = bool(salt)

    def of(self, entity_id: str) -> str | None:
        """The hash of one id; None where there must be none."""
        if self._refuses:
            return None
        if not self._salted:
            _warn_unsalted()
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(entity_id.encode(errors="replace"))
        outer.update(inner.digest())
        return outer.hexdigest()[:32]
