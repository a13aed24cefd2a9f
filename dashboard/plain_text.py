"""Text from data, made safe to stand in Streamlit's markdown as the text it is."""

import re
from typing import Final

# Everything that markdown, and Streamlit's additions (colours, emoji codes, maths), could read as an instruction.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@/=^\"'])")
# Emoji and icon codes, web and mail addresses are found after markdown has removed the escapes. An invisible joiner
# behind these characters hides them from that search.
_FOUND_LATE: Final = re.compile(r"(:(?=\S)|@(?=\S)|(?i:www)(?=\.))")
_JOINER: Final = "\u2060"
# Control characters and the marks that reorder the text around them.
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def plain(text: object, limit: int = 300) -> str:
    """Escape text so that markdown shows it letter by letter, on one line.

    Args:
        text: anything; its str() is shown.
        limit: characters kept; more are cut, with an ellipsis that says so.
    """
    return _SPECIAL.sub(r"\\\1", _FOUND_LATE.sub(rf"\1{_JOINER}", one_line(text, limit)))


def one_line(text: object, limit: int = 300) -> str:
    """Text for places that read no markdown, such as charts: one line, no control characters, cut to a length."""
    raw = str(text)
    # Cut before cleaning: a megabyte must not be walked to show a line of it.
    line = _INVISIBLE.sub(" ", raw[: limit + 1]).strip()
    return f"{line[:limit]}…" if len(raw) > limit else line
