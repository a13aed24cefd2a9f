"""Who of those whom the OpenID provider knows may look at this dashboard, and as what."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

_PART: Final = "[!-)+-?A-~]+"  # printable ASCII without @ and *
_ADDRESS: Final = re.compile(f"{_PART}@{_PART}")
_ENTRY: Final = re.compile(rf"(\*|{_PART})@{_PART}")
_LONGEST_ADDRESS: Final = 254


class Refusal(Enum):
    """Why somebody who signed in may not look."""

    NO_ADDRESS = "no address"
    NOT_VERIFIED = "not verified"
    NOT_LISTED = "not listed"
    TOO_OLD = "too old"


def address_of(claims: Mapping[str, Any]) -> str:
    """The e-mail address of a provider's claims, in lower case; empty when there is none that can be used."""
    address = claims.get("email")
    if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS:
        return ""
    return address.lower() if _ADDRESS.fullmatch(address) else ""


def is_entry(text: str) -> bool:
    """Whether a list of those who may look can hold this: an address, or `*@` and a domain."""
    return _ENTRY.fullmatch(text) is not None


def role_of(
    claims: Mapping[str, Any], *, viewers: Sequence[str], operators: Sequence[str], now: float, hours: float
) -> str | Refusal:
    """The role of somebody who signed in, or why there is none.

    Args:
        claims: of the ID token, as the provider signed them.
        viewers: addresses, or `*@` and a domain.
        operators: as `viewers`; being in both makes an operator.
        now: epoch seconds.
        hours: how long a sign-in lasts from the token's `iat` on.
    """
    issued = claims.get("iat")
    if not isinstance(issued, int | float) or now - issued > hours * 3600:
        return Refusal.TOO_OLD
    address = address_of(claims)
    if not address:
        return Refusal.NO_ADDRESS
    # Some providers leave the claim out for addresses of their own domain; some write it as text.
    if str(claims.get("email_verified", True)).lower() != "true":
        return Refusal.NOT_VERIFIED
    for role, listed in (("operator", operators), ("viewer", viewers)):
        if any(_matches(address, entry.lower()) for entry in listed):
            return role
    return Refusal.NOT_LISTED


def _matches(address: str, entry: str) -> bool:
    return address.partition("@")[2] == entry[2:] if entry.startswith("*@") else address == entry
