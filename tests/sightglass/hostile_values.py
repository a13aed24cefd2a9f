"""Values that no caller should give, and that some caller will: for property-based tests."""

import dataclasses
import enum
from collections import namedtuple
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from itertools import count

import numpy as np
from hypothesis import strategies as st

from sightglass import Model


class Hostile:
    """Raises at every turn."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __str__(self):
        raise RuntimeError("str")

    __repr__ = __str__
    __iter__ = __len__ = __float__ = __int__ = __index__ = __bool__ = __str__
    __hash__ = object.__hash__

    def __eq__(self, other):
        raise RuntimeError("eq")


class Unhashable(Hostile):
    """Has not even a hash."""

    def __hash__(self):
        raise RuntimeError("hash")


class HostileMapping(Mapping):
    """A mapping that has items, until one looks."""

    def __getitem__(self, key):
        raise RuntimeError("item")

    def __iter__(self):
        raise RuntimeError("iter")

    def __len__(self):
        raise RuntimeError("len")


class EndlessMapping(Mapping):
    """Never runs out of items."""

    def __getitem__(self, key):
        return key

    def __iter__(self):
        return (f"f{number}" for number in count())

    def __len__(self):
        return 1


class EndlessList(list):
    """Never runs out of items either."""

    def __iter__(self):
        return count()


class OddItems(dict):
    """Its items are no pairs."""

    def items(self):
        """Not these."""
        return [1, (2,), (3, 4, 5)]


class HostileText(str):
    """Text that does not want to be used as such."""

    __slots__ = ()

    def __str__(self):
        raise RuntimeError("str")

    __len__ = __eq__ = encode = isascii = replace = lower = __getitem__ = __contains__ = __str__
    __hash__ = str.__hash__


class HostileNumber(float):
    """A number that does not want to be one."""

    def __float__(self):
        raise RuntimeError("float")

    is_integer = __lt__ = __gt__ = __eq__ = __float__
    __hash__ = float.__hash__


class HostileInteger(int):
    """The same of an integer."""

    def __int__(self):
        raise RuntimeError("int")

    __le__ = __ge__ = __lt__ = __gt__ = bit_length = __int__


class Scalar:
    """As numpy's, holding whatever."""

    def __init__(self, held):
        self.held = held

    def item(self):
        """What it holds."""
        return self.held


class Onion:
    """Holds another of a type of its own, for ever."""

    def item(self):
        """The next."""
        return type("Onion", (Onion,), {})()


class OddZone(tzinfo):
    """A zone that does not know its offset, or says one that cannot be."""

    def utcoffset(self, _moment, /):
        """No."""
        raise RuntimeError("utcoffset")


class Colour(enum.Enum):
    """An enumeration."""

    RED = object()
    BLUE = 2


@dataclasses.dataclass
class Order:
    """What services have at hand."""

    price: object = 1
    nested: object = None


Pair = namedtuple("Pair", "a b")  # noqa: PYI024  # as callers have them

RECURSIVE_LIST: list[object] = []
RECURSIVE_LIST.append(RECURSIVE_LIST)
RECURSIVE_DICT: dict[object, object] = {"x": [1]}
RECURSIVE_DICT["self"] = {"deeper": RECURSIVE_DICT}

SPECIAL = (
    *(Hostile(), Unhashable(), HostileMapping(), EndlessMapping(), EndlessList(), OddItems(a=1), Onion()),
    *(HostileText("late"), HostileText("ö\ud800"), HostileNumber(0.5), HostileNumber("nan"), HostileInteger(3)),
    *(Colour.RED, Colour.BLUE, Order(nested=Hostile()), Order, Pair(1, Hostile()), object, len, NotImplemented, ...),
    *(RECURSIVE_LIST, RECURSIVE_DICT, bytearray(b"\xff"), memoryview(b"ab"), range(3), 1j),
    *(np.float32("nan"), np.float64("inf"), np.int8(-1), np.bool_(True), np.str_("a\ud800"), np.bytes_(b"\xff")),
    *(np.array([]), np.array([[1.0, np.nan]]), np.array([object(), "\ud800"], dtype=object), np.datetime64("NaT")),
    *(np.array(3), np.ma.masked, np.void(b"ab"), np.timedelta64(1, "s"), np.longdouble(1)),
    *(float("nan"), float("-inf"), -0.0, 5e-324, 1.7e308, 2**63, 2**64, -(2**63) - 1, 10**5_000, -(10**5_000)),
    *("\ud800", "\udfff\ud800", "\0", "a\0b", "\u2028", "\ufeff", "😀", "x" * 5_000, "é" * 300, "", " "),
    *(datetime(1, 1, 1), datetime(9999, 12, 31), datetime(2020, 1, 1, tzinfo=OddZone()), timedelta.max),
    *({Hostile(): 1}, {"a": Hostile()}, {"password": "x", None: 1, 1: 2, "1": 3}, {"n" * 300: {"m" * 300: 1}}),
    *(Model("m", "2"), Model(Hostile(), Unhashable()), Model("\ud800", [1], {"a": 1}), Model(None, float("nan"))),
    *(Scalar(Scalar(Hostile())), Scalar(RECURSIVE_LIST), Scalar("\ud800"), Scalar(float("nan")), Scalar(True)),
)

ANYTHING = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=20)),
        *(st.datetimes(), st.complex_numbers(), st.decimals(), st.fractions(), st.uuids(), st.dates(), st.timedeltas()),
        st.text(st.characters(categories=["Cs", "Cc", "Cf", "Co"]), max_size=20),
        # By place, because a strategy prints what it samples from.
        st.integers(0, len(SPECIAL) - 1).map(lambda place: SPECIAL[place]),
        st.integers(5_000, 6_000).map(lambda digits: 10**digits),
        st.builds(lambda: (number for number in range(3))),
        st.builds(iter, st.just(())),
    ),
    lambda children: st.one_of(
        st.lists(children, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers(), st.none()), children, max_size=4),
        st.tuples(children, children),
        st.sets(st.integers(), max_size=3),
        st.builds(Scalar, children),
        st.builds(Order, children, children),
        st.builds(Model, children, children, children),
    ),
    max_leaves=8,
)
