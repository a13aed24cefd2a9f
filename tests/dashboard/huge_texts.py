"""Makes one text of every kind in an answer a megabyte long."""

from typing import Any, Final

TIMES: Final = 1_000_000


def with_huge_texts(answer: Any, hostile: str, *, kept: frozenset[str] = frozenset()) -> Any:
    """The same answer, but in each field the first text that begins with the hostile one goes on for a megabyte.

    One of each kind is enough: a hundred rows of them would test the wire alone.

    Args:
        answer: JSON.
        hostile: what makes a text one that anybody may have sent.
        kept: fields whose texts stay, as they are asked for again by them.
    """
    seen: set[str] = set(kept)

    def long(text: str, place: str) -> str:
        if not text.startswith(hostile) or place in seen:
            return text
        seen.add(place)
        return text + "x" * TIMES

    def walk(part: Any, place: str) -> Any:
        if isinstance(part, dict):
            return {long(name, f"a name in {place}"): walk(value, name) for name, value in part.items()}
        if isinstance(part, list):
            return [walk(each, place) for each in part]
        return long(part, place) if isinstance(part, str) else part

    return walk(answer, "")
