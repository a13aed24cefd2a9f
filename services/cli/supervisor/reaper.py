"""Ends what a killed supervisor leaves behind.

Run as `python -I -S reaper.py GRACE_SECONDS`. The supervisor writes `+<group>` for each process group it starts and
`-<group>` when that has ended. End of input means the supervisor is gone: whatever is still listed gets SIGTERM, and
SIGKILL after the grace period. The kernel's parent-death signal alone reaches neither grandchildren nor a process
that ignores SIGTERM.
"""

import os
import signal
import sys
import time

_POLL_SECONDS = 0.05


def main() -> None:
    """Follow the list until the supervisor ends, then end the listed groups."""
    grace_seconds = float(sys.argv[1])
    # A terminal's Ctrl-C or a `kill` of the whole session must not end the one who cleans up.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    end_groups(groups, grace_seconds)


def end_groups(groups: list[int], grace_seconds: float) -> None:
    """Ask every group to stop, and kill what is left after the grace period."""
    left = [group for group in groups if _send(group, signal.SIGTERM)]
    deadline = time.monotonic() + grace_seconds
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        left = [group for group in left if _send(group, 0)]
    for group in left:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Signal a process group; False when nobody is in it any more."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's group has taken the number: ours is gone.
        return False
    return True


if __name__ == "__main__":
    main()
