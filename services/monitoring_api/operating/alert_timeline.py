"""What alerts did over a range, as stretches of time: from their events, or their states where these are gone."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.monitoring_api.alerting.models import AlertStatus, EventKind
from services.monitoring_api.alerting.store import alert_events, alerts
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.queries.timerange import NANOSECONDS, parse_range
from services.monitoring_api.routes import alert_timeline as told

_TABLES: Final = (alerts, alert_events)
# What each event begins, and what it shows to have been before where nothing earlier is known.
_BEGINS: Final[Mapping[str, tuple[str, str]]] = {
    str(EventKind.PENDING): ("pending", ""),
    str(EventKind.CANCELLED): ("", "pending"),
    str(EventKind.FIRED): ("firing", ""),
    str(EventKind.RESOLVED): ("", "firing"),
}
_ACTIVE: Final = (str(EventKind.PENDING), str(EventKind.FIRED))
_STATES: Final = {str(AlertStatus.PENDING): "pending", str(AlertStatus.FIRING): "firing"}


@dataclass(frozen=True, slots=True)
class _Stretch:
    state: str
    start: float
    end: float | None


class KnownTimeline:
    """Tells what alerts did.

    Args:
        store: The alert worker's store.
        clock: The time, epoch seconds.
    """

    def __init__(self, store: AlertStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def timeline(self, wanted: told.TimelineParameters) -> told.AlertTimeline:
        """All alerts over a range.

        Raises:
            BadInput: When the range is none.
            Unavailable: When the store can't be read.
        """
        now = self._clock()
        span = parse_range(wanted.start, wanted.end, now=datetime.fromtimestamp(now, UTC))
        start, end = span.start_ns / NANOSECONDS, span.end_ns / NANOSECONDS
        nothing = _answer(start, end, start, [], truncated=False)
        return await self._store.read(lambda connection: _read(connection, start, end), tables=_TABLES, empty=nothing)


def _read(connection: Connection, start: float, end: float) -> told.AlertTimeline:
    known_from, histories = _histories(connection, start, end)
    kept = {row["fingerprint"]: row for row in connection.execute(sa.select(alerts)).mappings()}
    found = [
        (identity, history[-1]["rule"], _stretches(history, known_from)) for identity, history in histories.items()
    ]
    found += [
        (identity, row["rule"], _lasting(row, end)) for identity, row in kept.items() if identity not in histories
    ]
    found = [each for each in found if each[2]]
    found.sort(key=lambda each: (-each[2][-1].start, each[1], each[0]))
    shown = [
        {
            "fingerprint": identity,
            "rule": rule,
            "labels": json.loads(kept[identity]["labels"]) if identity in kept else {},
            "stretches": [
                {"state": one.state, "from": _instant(one.start), "to": None if one.end is None else _instant(one.end)}
                for one in stretches
            ],
        }
        for identity, rule, stretches in found[: told.MOST_ALERTS]
    ]
    return _answer(start, end, known_from, shown, truncated=len(found) > told.MOST_ALERTS)


def _histories(connection: Connection, start: float, end: float) -> tuple[float, Mapping[str, Sequence[RowMapping]]]:
    """Since when all is known, and the events of each alert from then on, after the one that it was active by before.

    One scan of the events answers it: they are few, and forgotten after a while.
    """
    event = alert_events.c
    mine = event.kind.in_(list(_BEGINS))
    columns = (event.fingerprint, event.rule, event.kind, event.at)
    within = sa.select(*columns).where(mine, event.at >= start, event.at < end)
    newest = within.order_by(event.at.desc(), event.id.desc()).limit(told.MOST_EVENTS + 1)
    rows = list(connection.execute(newest).mappings())
    known_from, earlier = start, event.at < start
    if len(rows) > told.MOST_EVENTS:
        # Of the moment of the first one that is left out not all is known.
        known_from = rows[-1]["at"]
        earlier = event.at <= known_from
        rows = [row for row in rows if row["at"] > known_from]
    last = sa.select(sa.func.max(event.id)).where(mine, earlier).group_by(event.fingerprint)
    before = sa.select(*columns).where(event.id.in_(last), event.kind.in_(_ACTIVE))
    histories: dict[str, list[RowMapping]] = {}
    for row in (*connection.execute(before).mappings(), *reversed(rows)):
        histories.setdefault(row["fingerprint"], []).append(row)
    return known_from, histories


def _stretches(history: Sequence[RowMapping], known_from: float) -> list[_Stretch]:
    """What the events of one alert, in the order of time, make of it."""
    found = []
    began, state = known_from, _BEGINS[history[0]["kind"]][1]
    for event in history:
        if state and event["at"] > max(began, known_from):
            found.append(_Stretch(state, began, event["at"]))
        began, state = event["at"], _BEGINS[event["kind"]][0]
    return [*found, _Stretch(state, began, None)] if state else found


def _lasting(row: RowMapping, end: float) -> list[_Stretch]:
    """What an alert's state says where its events were forgotten, or never kept."""
    state = _STATES.get(row["status"])
    began = row["active_since"] if state == "pending" else row["fired_at"]
    return [_Stretch(state, began, None)] if state and began is not None and began < end else []


def _answer(
    start: float, end: float, known_from: float, shown: Sequence[Any], *, truncated: bool
) -> told.AlertTimeline:
    return told.AlertTimeline.model_validate(
        {
            "from": _instant(start),
            "to": _instant(end),
            "known_from": _instant(known_from),
            "alerts": shown,
            "truncated": truncated,
        }
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
