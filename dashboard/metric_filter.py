"""A filter of metrics, such as `service=ml-api`, as its parts."""

import re
from typing import Final, NamedTuple

# As the API reads them: key=value, key!=value, key^=beginning, key=in(a,b).
_FILTER: Final = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_.]*)(?P<operator>!=|\^=|=)(?P<value>.*)", re.DOTALL)


class MetricFilter(NamedTuple):
    """One condition.

    Attributes:
        key: of the catalogue's entry.
        operator: `=`, `!=` or `^=` (begins with).
        value: empty means one that is absent.
    """

    key: str
    operator: str
    value: str


def read_filter(text: str) -> MetricFilter | None:
    """The parts of a filter; None where it is none."""
    found = _FILTER.fullmatch(text.strip())
    return MetricFilter(found["key"], found["operator"], found["value"]) if found else None
