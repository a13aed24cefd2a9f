"""What a sending thread does leaves no spans: an exporter's own request would be exported by the next one."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value


@contextmanager
def untraced() -> Iterator[None]:
    """Instrumentations stand back on this thread until the block ends."""
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, value=True))
    try:
        yield
    finally:
        detach(token)
