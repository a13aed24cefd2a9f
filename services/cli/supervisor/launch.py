"""Becomes the given command, after asking the kernel to end it when its parent dies.

Run as `python -I -S launch.py PARENT_PID COMMAND...`. A program of its own instead of `preexec_fn`, which is not safe
in a process with threads. The process keeps its id through exec, so nothing of this remains in memory.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the parent-death signal where the kernel knows it, then exec."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the supervisor ended before this process began")
    try:
        os.execvp(command[0], command)  # noqa: S606 - replacing this process is the purpose
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
