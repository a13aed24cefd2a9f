"""What an object does in a forked child."""

import os
import weakref
from collections.abc import Callable
from multiprocessing import parent_process, util


def call_in_forked_child(method: Callable[[], None]) -> None:
    """Call a bound method in each child that is forked from here on, as long as its object lives.

    Hooks can't be taken back, so the object is held weakly: a hook must not keep alive what was stopped long ago.
    """
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if alive := reference():
            alive()

    os.register_at_fork(after_in_child=call)


def at_end_of_worker(method: Callable[[], object]) -> None:
    """Call a bound method when a process of `multiprocessing` ends normally: this one, or one forked from it.

    Such a process skips what is registered with `atexit`, and on its start forgets the finalizers of its parent.
    """
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if alive := reference():
            alive()

    def register(_: object) -> None:
        if parent_process() is not None:
            util.Finalize(None, call, exitpriority=0)

    register(None)
    util.register_after_fork(method.__self__, register)  # type: ignore[attr-defined]  # a bound method
