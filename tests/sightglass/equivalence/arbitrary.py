"""Strategies: values as OpenTelemetry's attributes have them, in all their types."""

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
NANOSECONDS = st.integers(0, 2**63)
SCALARS = st.one_of(st.booleans(), INTEGERS, st.floats(allow_nan=False), TEXTS)


def values():
    """Anything that an attribute or the body of a log record may be."""
    return st.recursive(
        st.one_of(st.none(), SCALARS, st.binary(max_size=8)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    )


def attribute_sets():
    """Attributes; few names, so that they come again."""
    names = st.sampled_from(["a", "b", "c", "http.route", "é"]) | TEXTS
    return st.dictionaries(names, values(), max_size=5)
