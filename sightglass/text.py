"""Text that any receiver accepts: valid UTF-8 of bounded length."""

import math
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


def label_text(value: Any) -> str:
    """A decided or true label as text, so that equal labels are equal text.

    `True` and numpy's true are "true", 1 and 1.0 are both "1": a label that went through a table of floats still
    matches.
    """
    if type(value) is str and len(value) <= MAX_NAME_CHARACTERS and value.isascii() and "\0" not in value:
        return value
    try:
        item = getattr(value, "item", None)
        plain = item() if callable(item) else value
        if isinstance(plain, bool):
            return "true" if plain else "false"
        if isinstance(plain, float) and math.isfinite(plain) and plain.is_integer():
            return str(int(plain))
    except Exception:
        return name_text(value)
    return name_text(plain)
