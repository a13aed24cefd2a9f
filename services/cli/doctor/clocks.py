"""Checks that the clocks agree: what is stored under a wrong time is looked for in vain."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import AskError, Reach

_WORTH_A_LOOK_SECONDS = 2.0
_WRONG_SECONDS = 30.0
_APIS = ("ml-api", "monitoring-api")
_SQL = "SELECT toFloat64(toUnixTimestamp64Milli(now64(3))) / 1000"


def check_clocks(reach: Reach, now: Callable[[], float] = time.time) -> Check:
    """This machine, ClickHouse and the APIs agree about the time."""
    skews: dict[str, float] = {}
    unheard: list[str] = []
    asked: dict[str, Callable[[], float]] = {
        "clickhouse": lambda: float(reach.rows(_SQL)[0][0]),
        **{name: lambda name=name: _date(reach, name) for name in _APIS},  # type: ignore[misc]
    }
    for name, ask in asked.items():
        before = now()
        try:
            theirs = ask()
        except AskError as error:
            unheard.append(str(error))
            continue
        after = now()
        # Half-way between is the best guess at when they looked.
        skews[name] = theirs - (before + after) / 2
    if not skews:
        return Check("clock skew", Verdict.FAILED, "; ".join(unheard), "Start the parts, then look again.")
    found = ", ".join(f"{name} {skew:+.1f} s" for name, skew in skews.items()) + " against this machine"
    worst = max(abs(skew) for skew in skews.values())
    remedy = (
        "Set the clocks by NTP (`timedatectl` shows how): data with a time ahead or behind is stored under it, and is "
        "missed by alerts and by pages that show the last minutes."
    )
    if worst > _WRONG_SECONDS:
        return Check("clock skew", Verdict.FAILED, found, remedy)
    return Check("clock skew", Verdict.WARNING if worst > _WORTH_A_LOOK_SECONDS else Verdict.OK, found, remedy)


def _date(reach: Reach, name: str) -> float:
    """The time that an API's answer names, which is cut to the second."""
    url = f"{reach.urls[name]}/healthz"
    date = reach.fetch(url).headers.get("Date", "")
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5
    except ValueError:
        raise AskError(f"{url} does not say what time it is") from None
