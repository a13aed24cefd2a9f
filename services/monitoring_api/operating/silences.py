"""Silences as people make, see and end them."""

import time
from collections.abc import Callable, Sequence

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.models import AlertStatus
from services.monitoring_api.alerting.store import alerts, read_alerts
from services.monitoring_api.configuration.duration import parse_duration
from services.monitoring_api.errors import bad_field
from services.monitoring_api.notify.silences import (
    InvalidSilenceError,
    Silence,
    SilenceState,
    UnknownSilenceError,
    create_silence,
    expire_silence,
    list_silences,
)
from services.monitoring_api.notify.tables import silences
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.routes import silences as told
from services.web.problems import NotFound

_TABLES = (silences, alerts)
_ACTIVE = frozenset({AlertStatus.PENDING, AlertStatus.FIRING})


class StoredSilences:
    """Makes, lists and ends silences.

    Args:
        store: The worker's store.
        clock: The time, epoch seconds.
    """

    def __init__(self, store: AlertStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def silences(self, state: str | None) -> told.Silences:
        """Silences, those in force first.

        Args:
            state: Only those in this state; all when None.

        Raises:
            Unavailable: When the store can't be read.
        """
        now = self._clock()
        wanted = None if state is None else SilenceState(state)

        def work(connection: Connection) -> told.Silences:
            found = list_silences(connection, now=now, state=wanted)
            return told.Silences(silences=_shown(connection, found, now))

        return await self._store.read(work, tables=_TABLES, empty=told.Silences(silences=[]))

    async def create(self, wanted: told.SilenceRequest, *, author: str) -> told.Silence:
        """Make a silence.

        Raises:
            BadInput: Naming the field.
            Unavailable: When the store can't be written.
        """
        now = self._clock()
        starts_at = wanted.seconds("starts_at")
        ends_at = _end(wanted, now if starts_at is None else starts_at)

        def work(connection: Connection) -> told.Silence:
            made = create_silence(
                connection,
                wanted.matchers,
                starts_at=starts_at,
                ends_at=ends_at,
                author=author,
                comment=wanted.comment,
                now=now,
            )
            return _shown(connection, [made], now)[0]

        try:
            return await self._store.write(work, tables=_TABLES)
        except InvalidSilenceError as error:
            field = "duration" if error.field == "ends_at" and wanted.ends_at is None else error.field
            raise bad_field(field, error.message) from None

    async def expire(self, silence_id: str, *, by: str) -> told.Silence:
        """End a silence now; one that is over stays as it is.

        Raises:
            NotFound: There is none.
            Unavailable: When the store can't be written.
        """
        now = self._clock()

        def work(connection: Connection) -> told.Silence:
            return _shown(connection, [expire_silence(connection, silence_id, by=by, now=now)], now)[0]

        try:
            return await self._store.write(work, tables=_TABLES)
        except UnknownSilenceError:
            raise NotFound(f"There is no silence {silence_id}; GET /api/v1/silences lists them.") from None


def _end(wanted: told.SilenceRequest, starts_at: float) -> float:
    ends_at = wanted.seconds("ends_at")
    if (ends_at is None) is (wanted.duration is None):
        raise bad_field("duration", "give either how long it lasts (`duration`, such as 2h) or its end (`ends_at`)")
    if ends_at is not None:
        return ends_at
    try:
        return starts_at + parse_duration(wanted.duration)
    except ValueError as error:
        raise bad_field("duration", str(error)) from None


def _shown(connection: Connection, found: Sequence[Silence], now: float) -> list[told.Silence]:
    if not found:
        return []
    active = [alert for alert in read_alerts(connection) if alert.state.status in _ACTIVE]
    return [_document(one, active, now) for one in found]


def _document(silence: Silence, active: Sequence[StoredAlert], now: float) -> told.Silence:
    return told.Silence.model_validate(
        {
            **silence.document(now),
            "alerts": [alert.fingerprint for alert in active if silence.mutes(alert.labels, now)],
        }
    )
