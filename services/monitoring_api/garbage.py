"""How often Python looks for cycles of garbage."""

import gc
from typing import Final

# By default it looks after every 700 objects that live on. An answer of 30,000 points makes as many tuples, none of
# them in a cycle: looking takes five times as long as making them.
_YOUNG: Final = 50_000
_MIDDLE: Final = 20
_OLD: Final = 50


def look_seldom() -> None:
    """Look for cycles seldom, and never among what was there at the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
