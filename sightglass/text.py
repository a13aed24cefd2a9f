"""Text that any receiver accepts: valid UTF-8 of bounded length."""

import hashlib
import math
from decimal import Decimal
from enum import Enum
from typing import Any, Final

MAX_NAME_CHARACTERS: Final = 256


def clean_text(value: Any, limit: int) -> tuple[str, bool]:
    """`value` as text, and whether anything was cut or replaced. Never raises.

    Args:
        value: Anything.
        limit: Characters kept at most.
    """
    try:
        changed = not isinstance(value, str)
        text = str.__str__(value) if isinstance(value, str) else str(value)
        if len(text) > limit:
            text, changed = text[:limit], True
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:  # a lone surrogate, which protobuf refuses
                text, changed = text.encode(errors="replace").decode(), True
        return (text.replace("\0", "?"), True) if "\0" in text else (text, changed)
    except Exception:
        return f"<{type(value).__name__}>"[:limit], True


def name_text(value: Any) -> str:
    """An identifier or name as text."""
    return clean_text(value, MAX_NAME_CHARACTERS)[0]


def identifier_text(value: Any) -> tuple[str, bool]:
    """An identifier as text, and whether it was changed: one too long ends in its hash, so that two stay two."""
    if type(value) is str and len(value) <= MAX_NAME_CHARACTERS and value.isascii() and "\0" not in value:
        return value, False
    text, changed = clean_text(plain_text(value), MAX_NAME_CHARACTERS)
    if len(text) < MAX_NAME_CHARACTERS or not changed:
        return text, changed
    digest = hashlib.sha256(plain_text(value).encode(errors="replace")).hexdigest()
    return f"{text[: MAX_NAME_CHARACTERS - len(digest) - 1]}~{digest}", True


def label_text(value: Any) -> tuple[str, bool]:
    """A decided or true label as text, so that equal labels are equal text, and whether it was cut."""
    if type(value) is str and len(value) <= MAX_NAME_CHARACTERS and value.isascii() and "\0" not in value:
        return value, False
    return clean_text(plain_text(value), MAX_NAME_CHARACTERS)


def plain_text(value: Any) -> str:
    """What is given as a label or an id, whole, in one spelling. Never raises.

    `True` and numpy's true are "true", 1, 1.0 and Decimal("1.0") are all "1", and a member of an enumeration is its
    value: a label that went through a table of floats still matches.
    """
    try:
        plain = value.value if isinstance(value, Enum) else value
        item = getattr(plain, "item", None)
        plain = item() if callable(item) else plain
        if isinstance(plain, bool):
            return "true" if plain else "false"
        if isinstance(plain, float) and math.isfinite(plain) and plain.is_integer():
            return str(int(plain))
        if isinstance(plain, Decimal) and plain.is_finite():
            return str(int(plain)) if plain == plain.to_integral_value() else f"{plain.normalize():f}"
        return str.__str__(plain) if isinstance(plain, str) else str(plain)
    except Exception:
        return f"<{type(value).__name__}>"
