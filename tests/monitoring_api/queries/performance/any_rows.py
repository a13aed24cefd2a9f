"""Any labels and scores: of any size, with as many ties and as uneven classes as there can be."""

from random import Random
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# Enough to meet every shape, few enough to stay quick.
SOME: Final = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
PROBABILITIES: Final = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, 1e-300, 5e-324, 2.0**-53, 1 - 2.0**-53]),
)
# One draw for all rows: drawing each by itself makes thousands of decisions of an example.
_SEEDS: Final = st.integers(0, 2**32)
SCORES: Final = st.one_of(PROBABILITIES, st.floats(-1e300, 1e300), st.sampled_from([1e300, -1e300, 1e-300]))


@st.composite
def labelled(draw, scores=PROBABILITIES, most: int = 200) -> tuple[list[bool], list[float]]:
    """Binary labels and scores."""
    size = draw(st.integers(0, most))
    share = draw(st.sampled_from([0.0, 0.01, 0.3, 0.5, 1.0]))
    random = Random(draw(_SEEDS))
    return [random.random() < share for _ in range(size)], draw(tied(size, scores))


@st.composite
def tied(draw, size: int, values) -> list[float]:
    """So many values, of which a share up to all is one and the same."""
    share = draw(st.sampled_from([0.0, 0.5, 0.99, 1.0]))
    common = draw(values)
    random = Random(draw(_SEEDS))
    pool = draw(st.lists(values, min_size=1, max_size=40))
    return [common if random.random() < share else random.choice(pool) for _ in range(size)]
