"""Setting attributes that are known to be clean, without the SDK's look at each of them."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Span

# Of our own texts none is longer.
_LONGEST: Final = 256


def set_clean_attributes(span: Span, values: Mapping[str, Any], longest: int = _LONGEST) -> None:
    """Set what is text, a number or a boolean on a recording span.

    The SDK's own `set_attributes` checks, converts and copies each value under a lock: half of what a span costs. A
    span that is not the SDK's, or whose limits could matter, gets that.

    Args:
        span: The span.
        values: Attributes with non-empty names whose values need no conversion.
        longest: Length of the longest text among them.
    """
    held = getattr(span, "_attributes", None)
    lock = getattr(span, "_lock", None)
    if type(held) is not BoundedAttributes or lock is None:
        span.set_attributes(dict(values))
        return
    most, limit = held.maxlen, held.max_value_len
    inner = held._dict  # noqa: SLF001  # the point of this module; a test compares with `set_attributes`
    total = len(inner) + len(values)
    if (most is not None and total > most) or (limit is not None and longest > limit):
        span.set_attributes(dict(values))
        return
    with lock:
        if span.is_recording():
            inner.update(values)
            if len(inner) != total:
                # What was there already is the newest now, as the SDK has it: a span that is full drops the oldest.
                for name in values:
                    inner[name] = inner.pop(name)
