"""What an object does in a forked child."""

import os
import weakref
from collections.abc import Callable


def call_in_forked_child(method: Callable[[], None]) -> None:
    """Call a bound method in each child that is forked from here on, as long as its object lives.

    Hooks can't be taken back, so the object is held weakly: a hook must not keep alive what was stopped long ago.
    """
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if alive := reference():
            alive()

    os.register_at_fork(after_in_child=call)
