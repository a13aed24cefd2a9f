"""What counts as a repetition that a kill explains, and what does not."""

import pytest

from tests.chaos.kill_outcome import Kill, Seen, judge
from tests.notify.messages import firing

CUT_OFF = frozenset({("hook", "k")})


@pytest.mark.parametrize(
    ("arrivals", "kills", "unexplained"),
    [
        ([1.0], [Kill(2.0)], False),
        ([1.0, 3.0], [Kill(2.0, CUT_OFF)], False),
        # The receiver noted it a little after the kill.
        ([2.01, 3.0], [Kill(2.0, CUT_OFF)], False),
        ([1.0, 3.0, 5.0], [Kill(2.0, CUT_OFF), Kill(4.0, CUT_OFF)], False),
        # Killed in between, but its outcome had been noted, or another message's send was under way.
        ([1.0, 3.0], [Kill(2.0)], True),
        ([1.0, 3.0], [Kill(2.0, frozenset({("hook", "other"), ("mail", "k")}))], True),
        # Under way at a kill, but not at one in between.
        ([1.0, 3.0], [Kill(0.5, CUT_OFF), Kill(2.0)], True),
        ([1.0, 3.0], [Kill(2.0), Kill(4.0, CUT_OFF)], True),
        # One kill explains one repetition.
        ([1.0, 3.0, 5.0], [Kill(2.0, CUT_OFF), Kill(4.0)], True),
        ([1.0, 3.0], [], True),
    ],
)
def test_only_a_send_cut_off_by_a_kill_in_between_explains_that_a_message_arrives_again(arrivals, kills, unexplained):
    """Its key must have been under way at a kill between the two arrivals; that some worker was killed is no excuse."""
    rows = [("hook", "k", "g", firing().to_json())]
    outcome = judge(Seen({"hook": [("k", at) for at in arrivals]}, rows, [], kills, 9.0))
    assert outcome.unexplained == (["hook k"] if unexplained else [])
    assert outcome.clean is not unexplained
    assert outcome.repetitions == len(arrivals) - 1
