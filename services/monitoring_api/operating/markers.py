"""What happened besides the figures: new versions, promotions, and alerts that fired."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.models import EventKind
from services.monitoring_api.alerting.store import alert_events, alerts
from services.monitoring_api.database import Database
from services.monitoring_api.operating.promotions import read_promotions
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.queries.markers import (
    MOST,
    FirstSight,
    model_versions,
    model_versions_query,
    service_versions,
    service_versions_query,
)
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, parse_range
from services.monitoring_api.routes import markers as told
from services.web.problems import Unavailable

_TABLES: Final = (alerts, alert_events)
# Of rules that flap for months only the newest events are read.
_MOST_EVENTS: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Firing:
    rule: str
    fingerprint: str
    labels: dict[str, str]
    at: float
    until: float | None


class KnownMarkers:
    """Finds out what happened in a range.

    Args:
        asking: A database with a deadline of its own for each request.
        store: The alert worker's store.
        audit: The folder of the audit logs.
        clock: The time, aware.
    """

    def __init__(
        self, asking: Callable[[], Database], store: AlertStore, audit: Path, *, clock: Callable[[], datetime]
    ) -> None:
        self._asking = asking
        self._store = store
        self._audit = audit
        self._clock = clock

    async def markers(self, wanted: told.MarkerParameters) -> told.Markers:
        """Everything of a range, the oldest first.

        Raises:
            BadInput: When the range is none.
            Unavailable: When ClickHouse does not answer; without alerts and promotions the rest is still told.
        """
        span = parse_range(wanted.start, wanted.end, now=self._clock())
        model, service = wanted.model or "", wanted.service or ""
        start, end = span.start_ns / NANOSECONDS, span.end_ns / NANOSECONDS
        models, services, firings, promotions = await asyncio.gather(
            self._models(span, model, service),
            self._services(span, service),
            self._firings(start, end),
            asyncio.to_thread(read_promotions, self._audit, start, end),
        )
        mine = [one for one in firings or () if _concerns(one, {"model": model, "service": service})]
        chosen = [one for one in promotions or () if one.model == model or not model]
        found = [
            *(_seen("model_version", one) for one in models[:MOST]),
            *(_seen("service_version", one) for one in services[:MOST]),
            *(_marker("promotion", one.at, name=one.model, version=one.version) for one in chosen[-MOST:]),
            *(
                _marker("alert", one.at, one.until, name=one.rule, labels=one.labels, fingerprint=one.fingerprint)
                for one in mine[:MOST]
            ),
        ]
        unknown = {"promotion": promotions is None, "alert": firings is None}
        return told.Markers.model_validate(
            {
                "markers": sorted(found, key=lambda one: one.at),
                "truncated": any(len(each) > MOST for each in (models, services, mine, chosen)),
                "unknown": [kind for kind, missing in unknown.items() if missing],
            }
        )

    async def _models(self, span: TimeRange, model: str, service: str) -> list[FirstSight]:
        return model_versions(await self._asking().fetch(model_versions_query(span, model=model, service=service)))

    async def _services(self, span: TimeRange, service: str) -> list[FirstSight]:
        return service_versions(await self._asking().fetch(service_versions_query(span, service=service)))

    async def _firings(self, start: float, end: float) -> Sequence[_Firing] | None:
        try:
            return await self._store.read(lambda connection: _read(connection, start, end), tables=_TABLES, empty=[])
        except Unavailable:
            return None


def _read(connection: Connection, start: float, end: float) -> list[_Firing]:
    """Alerts that fired between two times, the newest first, with the end of each."""
    event, kinds = alert_events.c, (str(EventKind.FIRED), str(EventKind.RESOLVED))
    labels = {
        row.fingerprint: row.labels for row in connection.execute(sa.select(alerts.c.fingerprint, alerts.c.labels))
    }
    query = sa.select(event.fingerprint, event.rule, event.kind, event.at).where(
        event.kind.in_(kinds), event.at >= start
    )
    ends: dict[str, float] = {}
    found: list[_Firing] = []
    for row in connection.execute(query.order_by(event.at.desc(), event.id.desc()).limit(_MOST_EVENTS)):
        if row.kind == str(EventKind.RESOLVED):
            ends[row.fingerprint] = row.at
        elif row.at < end:
            known = json.loads(labels.get(row.fingerprint, "{}"))
            found.append(_Firing(row.rule, row.fingerprint, known, row.at, ends.pop(row.fingerprint, None)))
        else:
            ends.pop(row.fingerprint, None)
    return found


def _concerns(firing: _Firing, wanted: dict[str, str]) -> bool:
    """Whether an alert is about what is asked for; one that does not say what it is about concerns everything."""
    return all(not value or firing.labels.get(name, value) == value for name, value in wanted.items())


def _seen(kind: str, one: FirstSight) -> told.Marker:
    return _marker(kind, one.at_ns / NANOSECONDS, name=one.name, version=one.version)


def _marker(
    kind: str,
    at: float,
    until: float | None = None,
    *,
    name: str,
    version: str = "",
    labels: dict[str, str] | None = None,
    fingerprint: str = "",
) -> told.Marker:
    return told.Marker.model_validate(
        {
            "kind": kind,
            "at": datetime.fromtimestamp(at, UTC),
            "until": None if until is None else datetime.fromtimestamp(until, UTC),
            "name": name,
            "version": version,
            "labels": labels or {},
            "fingerprint": fingerprint,
        }
    )
