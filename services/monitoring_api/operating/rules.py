"""Rules as people see them: what the worker has in force, how it goes, and what one would have done."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import yaml
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.backtest_document import backtest_document
from services.monitoring_api.alerting.backtester import Backtester
from services.monitoring_api.alerting.bad_when import BadWhen
from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.models import AlertStatus, Health
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.alerting.rules_in_force import RuleInForce, read_rules, rules_in_force
from services.monitoring_api.alerting.slots import read_slots, slots
from services.monitoring_api.alerting.store import alerts, read_alerts, read_worker, workers
from services.monitoring_api.configuration.duration import parse_duration
from services.monitoring_api.database import Database
from services.monitoring_api.errors import bad_field
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.timerange import NANOSECONDS, parse_range
from services.monitoring_api.routes import rules as told
from services.web.problems import NotFound

HealthText: TypeAlias = Literal["ok", "no_data", "incomplete", "immature", "error", "unknown"]
# What needs attention first.
_WORST: Final[Mapping[Health, HealthText]] = {
    Health.ERROR: "error",
    Health.INCOMPLETE: "incomplete",
    Health.IMMATURE: "immature",
    Health.NO_DATA: "no_data",
    Health.OK: "ok",
}
# Backtests under way at once: each keeps ClickHouse and a thread busy.
_AT_ONCE: Final = 2
_SHORTEST_INTERVAL_SECONDS: Final = 1.0


class StoredRules:
    """Reads rules and backtests them.

    Args:
        store: The worker's store.
        asking: A database with a deadline of its own for each request.
        curves: How labels come.
        clock: The time, epoch seconds.
    """

    def __init__(
        self, store: AlertStore, asking: Callable[[], Database], curves: SharedCurves, *, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._asking = asking
        self._curves = curves
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def rules(self) -> told.RulesShown:
        """Every rule in force, how it went at the last look, and since when they are.

        Raises:
            Unavailable: When the store can't be read.
        """

        def work(connection: Connection) -> told.RulesShown:
            known = read_rules(connection)
            by_rule: dict[str, list[StoredAlert]] = {}
            for alert in read_alerts(connection):
                by_rule.setdefault(alert.rule_key, []).append(alert)
            looked = read_slots(connection)
            shown = [_shown(each, by_rule, looked.get(each.group)) for each in known]
            since = max((each.since for each in known), default=None)
            worker = read_worker(connection)
            return told.RulesShown(rules=shown, since=_instant(since), error=None if worker is None else worker[2])

        nothing = told.RulesShown(rules=[], since=None, error=None)
        return await self._store.read(work, tables=(alerts, slots, rules_in_force, workers), empty=nothing)

    async def backtest(self, name: str, wanted: told.BacktestRequest) -> told.Backtests:
        """What the rules of a name would have done.

        Raises:
            NotFound: When none in force has it.
            BadInput: Naming what of the request is wrong.
            Unavailable: When the store or ClickHouse does not answer.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        span = parse_range(wanted.start, wanted.end, now=now)
        interval, bad_when = _interval(wanted.interval), _bad_when(wanted.bad_when)
        found = [each for each in await self._in_force() if each.definition.get("alert") == name]
        if not found:
            raise NotFound(f"No rule in force is called {name!r}; /api/v1/rules lists them.")
        first = found[0]
        async with self._places:
            backtester = Backtester(
                self._asking(), delay_seconds=first.delay_seconds, curves=self._curves, clock=self._clock
            )
            graded = await backtester.run(
                [rule for each in found for rule in _rule(each).expanded()],
                span.start_ns / NANOSECONDS,
                span.end_ns / NANOSECONDS,
                interval_seconds=interval or min(each.interval_seconds for each in found),
                bad_when=bad_when,
            )
        shown = [told.BacktestShown.model_validate(backtest_document(each)) for each in graded]
        return told.Backtests(backtests=shown)

    async def _in_force(self) -> list[RuleInForce]:
        return await self._store.read(read_rules, tables=(rules_in_force,), empty=[])


def _shown(each: RuleInForce, by_rule: dict[str, list[StoredAlert]], looked: float | None) -> told.RuleShown:
    rule = _rule(each)
    looked_at = list(rule.expanded())
    mine = [alert for one in looked_at for alert in by_rule.get(one.key, ())]
    states = Counter(alert.state.status for alert in mine)
    return told.RuleShown(
        name=rule.alert,
        group=each.group,
        interval_seconds=each.interval_seconds,
        text=yaml.safe_dump(dict(each.definition), sort_keys=False, allow_unicode=True),
        definition=dict(each.definition),
        labels=dict(rule.labels),
        metric=looked_at[0].metric,
        condition=looked_at[0].judged,
        window_seconds=looked_at[0].window,
        for_seconds=rule.for_seconds,
        health=_health(mine, looked),
        error=next((alert.state.error for alert in mine if alert.state.error is not None), None),
        last_evaluated_at=_instant(looked),
        firing=states[AlertStatus.FIRING],
        pending=states[AlertStatus.PENDING],
    )


def _rule(each: RuleInForce) -> Rule:
    # The worker checked it against the catalogue, which may be another's here.
    return Rule.model_validate(each.definition)


def _health(mine: Sequence[StoredAlert], looked: float | None) -> HealthText:
    if looked is None:
        return "unknown"
    seen = {alert.state.health for alert in mine}
    return next((text for kind, text in _WORST.items() if kind in seen), "ok")


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _interval(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise bad_field("interval", str(error)) from None
    if seconds < _SHORTEST_INTERVAL_SECONDS:
        raise bad_field("interval", "shorter than a second")
    return seconds


def _bad_when(given: told.BadWhenRequest | None) -> BadWhen | None:
    if given is None:
        return None
    try:
        return BadWhen.model_validate(given.model_dump())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(["bad_when", *map(str, first["loc"])])
        raise bad_field(field, str(first["msg"]).removeprefix("Value error, ")) from None
