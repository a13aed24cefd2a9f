"""A thousand rules, asked together and one by one, on the same store in one run.

The rules are those of the starter pack (deploy/alerting/rules.yaml), for so many services and models that there are a
thousand: objectives are the rules that they become. The store is an embedded ClickHouse, migrated, with spans,
predictions and labels of days, rolled up by the maintenance process's own code. Either arm asks by the worker's own
client, so many statements at once as the worker does; the watermark is known to both. Answers are compared before
anything is timed.

    python -m benchmarks.alerting [--rules 1000] [--rounds 5] [--spans 500000]
"""

import argparse
import asyncio
import contextlib
import math
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

from benchmarks import report
from benchmarks.alerting.rows import LENGTH, fill, roll_up
from benchmarks.history.arms import Arm, start
from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.measurement import Answer, Answers
from services.monitoring_api.alerting.questions import Question
from services.monitoring_api.alerting.rule_set import load_rules
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.timerange import epoch_ns
from services.monitoring_api.queries.watermark import Watermark
from services.monitoring_api.worker.settings import WorkerSettings

_PACK: Final = Path(__file__).parents[2] / "deploy" / "alerting" / "rules.yaml"
_STATEMENTS: Final = int(WorkerSettings.model_fields["pool_size"].default)
_DELAY_SECONDS: Final = 5.0
_WANTED: Final = 20


def main() -> None:
    """Fill, check, measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spans", type=int, default=500_000)
    given = parser.parse_args()
    on = report.machine()
    now = datetime.fromtimestamp(time.time() // 60 * 60, UTC)
    rules = list(islice(_rules(), given.rules))
    with contextlib.ExitStack() as running:
        ours = start(running, "ours")
        fill(ours.writer, spans=given.spans, now=now, names=-(-given.rules // len(_pack())))
        text, figures = asyncio.run(_measure(ours, rules, now, given))
    report.keep("alerting", text, figures, on)


def _pack() -> list[Rule]:
    return list(load_rules([_PACK], metric_catalogue()).rules())


def _rules() -> Iterator[Rule]:
    """The starter pack's rules, for one service or model after another, without end."""
    for number in count():
        for rule in _pack():
            known = find_metric(rule.metric or "").source.dimensions
            key = "model" if "variant" in known else "service"
            filters = {**rule.filter, key: f"{key}-{number}"}
            yield rule.model_copy(update={"alert": f"{rule.alert} of {number}", "filter": filters})


async def _measure(
    ours: Arm, rules: Sequence[Rule], now: datetime, given: argparse.Namespace
) -> tuple[str, dict[str, object]]:
    maintainer = ours.database("maintainer")
    await roll_up(maintainer, now)
    await maintainer.close()
    database = ours.database("reader")
    slot = now.timestamp()
    questions = {rule.alert: rule.questions(slot) for rule in rules}
    every = tuple(dict.fromkeys(question for asked in questions.values() for question in asked))
    statements = _Counted(database)
    together = await _together(statements, every, slot)
    needed = statements.asked
    alone = await _one_by_one(database, list(questions.values()), slot)
    known = _check(together, alone)
    rounds = []
    for _ in range(given.rounds):
        begun = time.monotonic()
        await _together(database, every, slot)
        asked = time.monotonic()
        await _one_by_one(database, list(questions.values()), slot)
        rounds.append({"together": asked - begun, "one by one": time.monotonic() - asked})
    await database.close()
    faster = report.ratios(rounds, "one by one", "together")
    rate = {arm: report.Spread.of([len(rules) / each[arm] for each in rounds]) for arm in rounds[0]}
    asked_about = f"{len(rules):,} rules of the starter pack's {len(_pack())} kinds, {len(every):,} questions"
    lines = [
        f"{asked_about}, {known:,} figures; {given.rounds} rounds, median (quartiles)",
        f"{given.spans:,} requests and as many predictions over {LENGTH.days} days",
        "",
        f"asked together, {needed} statements:  {rate['together'].text(',.0f')} rules a second",
        f"one query for each rule:        {rate['one by one'].text(',.0f')} rules a second",
        f"times faster: {faster.text('.1f')} (wanted {_WANTED})",
    ]
    return "\n".join(lines), {
        "rules": len(rules),
        "questions": len(every),
        "statements": needed,
        "spans": given.spans,
        "rounds": rounds,
        "times_faster": faster.median,
    }


class _Counted:
    """A database that counts what it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked = 0

    async def fetch(self, query: Query, *, deadline_seconds: float | None = None) -> Sequence[tuple[Any, ...]]:
        """Ask (see `Database.fetch`)."""
        self.asked += 1
        return await self._database.fetch(query, deadline_seconds=deadline_seconds)

    async def execute(self, query: Query, *, deadline_seconds: float | None = None) -> None:
        """Run (see `Database.execute`)."""
        await self._database.execute(query, deadline_seconds=deadline_seconds)

    async def close(self) -> None:
        """Nothing of its own to let go."""


def _measuring(database: Database) -> ClickHouseMeasure:
    async def arrived(_database: Database, now: datetime) -> Watermark:
        return Watermark(epoch_ns(now))

    return ClickHouseMeasure(database, delay_seconds=_DELAY_SECONDS, statements=_STATEMENTS, arrived=arrived)


async def _together(database: Database, questions: Sequence[Question], slot: float) -> Answers:
    return await _measuring(database)(questions, slot)


async def _one_by_one(database: Database, questions: Sequence[Sequence[Question]], slot: float) -> Answers:
    """Each rule by itself, as many at once as the worker asks statements."""
    measure, places = _measuring(database), asyncio.Semaphore(_STATEMENTS)
    found: dict[Question, Answer] = {}

    async def ask(asked: Sequence[Question]) -> None:
        async with places:
            found.update(await measure(asked, slot))

    await asyncio.gather(*map(ask, questions))
    return found


def _check(together: Answers, alone: Answers) -> int:
    """How many figures there are.

    Raises:
        RuntimeError: When an answer differs, or is none.
    """
    if together.keys() != alone.keys():
        raise RuntimeError("not every question was answered")
    figures = 0
    for question, answer in together.items():
        other = alone[question]
        failed = [one for one in (answer, other) if isinstance(one, str)]
        if failed:
            raise RuntimeError(f"{question}: {failed[0]}")
        assert not isinstance(answer, str)
        assert not isinstance(other, str)
        if [one.labels for one in answer] != [one.labels for one in other]:
            raise RuntimeError(f"{question}: other groups")
        for mine, theirs in zip(answer, other, strict=True):
            same = mine.value == theirs.value or math.isclose(mine.value or 0, theirs.value or 0, rel_tol=1e-9)
            if not same or (mine.count, mine.immature) != (theirs.count, theirs.immature):
                raise RuntimeError(f"{question}: {mine} instead of {theirs}")
            figures += mine.value is not None
    return figures


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
