"""Rules as people see them: what the worker has in force, how it goes, and what one would have done."""

import asyncio
import math
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
from services.monitoring_api.operating.given_rule import read_given_rule
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, parse_range
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
# A rule that is in no file has no pace of its own: it is looked at each minute, of long ranges less often.
MINUTE_SECONDS: Final = 60
_DEFAULT_LOOKS: Final = 5_000
# How far behind its slots windows end where no worker has said it.
_DELAY_SECONDS: Final = 5.0


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
        span, interval, bad_when = self._asked(wanted)
        found = [each for each in await self._in_force() if each.definition.get("alert") == name]
        if not found:
            raise NotFound(f"No rule in force is called {name!r}; /api/v1/rules lists them.")
        return await self._backtest(
            [rule for each in found for rule in _rule(each).expanded()],
            span,
            interval or min(each.interval_seconds for each in found),
            delay_seconds=found[0].delay_seconds,
            bad_when=bad_when,
        )

    async def backtest_given(self, wanted: told.GivenRuleRequest) -> told.Backtests:
        """What a rule that is in no file would have done.

        Raises:
            BadInput: Naming what of the request is wrong; of the rule with the line.
            Unavailable: When the store or ClickHouse does not answer.
        """
        rule = read_given_rule(wanted.rule)
        span, interval, bad_when = self._asked(wanted)
        in_force = await self._in_force()
        fitting = math.ceil(span.seconds / _DEFAULT_LOOKS / MINUTE_SECONDS) * MINUTE_SECONDS
        return await self._backtest(
            list(rule.expanded()),
            span,
            interval or fitting,
            delay_seconds=in_force[0].delay_seconds if in_force else _DELAY_SECONDS,
            bad_when=bad_when,
        )

    def _asked(self, wanted: told.BacktestRequest) -> tuple[TimeRange, float | None, BadWhen | None]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        return parse_range(wanted.start, wanted.end, now=now), _interval(wanted.interval), _bad_when(wanted.bad_when)

    async def _backtest(
        self, rules: list[Rule], span: TimeRange, interval: float, *, delay_seconds: float, bad_when: BadWhen | None
    ) -> told.Backtests:
        async with self._places:
            backtester = Backtester(self._asking(), delay_seconds=delay_seconds, curves=self._curves, clock=self._clock)
            start, end = span.start_ns / NANOSECONDS, span.end_ns / NANOSECONDS
            graded = await backtester.run(rules, start, end, interval_seconds=interval, bad_when=bad_when)
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
