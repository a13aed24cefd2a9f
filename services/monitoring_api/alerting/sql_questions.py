"""Rules' own statements, asked: a row is a group; `value` is its figure, `count` its events, all else its labels."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.monitoring_api.alerting.label_names import ALERTNAME
from services.monitoring_api.alerting.measurement import Answer, Reading
from services.monitoring_api.alerting.questions import Question
from services.monitoring_api.alerting.rules import LABEL_NAME
from services.monitoring_api.alerting.sql_text import bound_times
from services.monitoring_api.database import Database, Query, said_by_clickhouse
from services.monitoring_api.queries.timerange import TimeRange
from services.web.problems import Problem

MOST_ROWS: Final = 1_000
DEADLINE_SECONDS: Final = 10.0
VALUE: Final = "value"
COUNT: Final = "count"

_LABEL: Final = re.compile(LABEL_NAME)
_LONGEST_LABEL: Final = 1_000


def statement_query(sql: str, span: TimeRange) -> Query:
    """A rule's statement over a window: each row as a JSON object, so that columns keep their names.

    Args:
        sql: The statement, checked.
        span: The window; the server binds its ends.
    """
    # The line break ends a comment that the statement may end with. The statement is a rule's, whose file its operator
    # writes; it runs as a user who can only read, within that user's limits.
    text = f"SELECT formatRow('JSONEachRow', *)\nFROM (\n{bound_times(sql)}\n)\nLIMIT {{most_rows:UInt64}}"
    return Query(text, {"from": span.start_ns, "to": span.end_ns, "most_rows": MOST_ROWS + 1})


async def ask_statement(
    database: Database,
    question: Question,
    span: TimeRange,
    *,
    complete: bool,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Answer:
    """Ask a rule's statement; whatever goes wrong is an answer too, in words for whoever wrote it.

    Args:
        database: Where to ask, as a user who can only read.
        question: A question with a statement.
        span: Its window.
        complete: Whether all telemetry of the window has arrived.
        deadline_seconds: Longest wait.
    """
    try:
        rows = await database.fetch(statement_query(question.sql or "", span), deadline_seconds=deadline_seconds)
        if len(rows) > MOST_ROWS:
            return f"the statement gives more than {MOST_ROWS:,} rows; a rule may have {MOST_ROWS:,} alerts"
        return _readings([json.loads(row[0]) for row in rows], complete=complete)
    except Problem as problem:
        said = said_by_clickhouse(problem)
        return problem.detail if said is None else f"ClickHouse refused the rule's statement: {said}"
    except ValueError as error:
        return f"the rule's statement gives what no rule can judge: {error}"
    except Exception as error:  # a bug in one rule's query must not stop the other rules
        return f"{type(error).__name__}: {error}"


def _readings(rows: Sequence[Mapping[str, Any]], *, complete: bool) -> list[Reading]:
    readings = [_reading(row, complete=complete) for row in rows]
    seen: set[tuple[tuple[str, str], ...]] = set()
    for reading in readings:
        group = tuple(sorted(reading.labels.items()))
        if group in seen:
            raise ValueError(f"two rows have the labels {dict(group)}; group by them, or select what tells rows apart")
        seen.add(group)
    return readings


def _reading(row: Mapping[str, Any], *, complete: bool) -> Reading:
    if VALUE not in row:
        raise ValueError(f"no column `{VALUE}`; it has {', '.join(f'`{name}`' for name in row)}")
    labels = {name: _label(name, value) for name, value in row.items() if name not in {VALUE, COUNT}}
    value = _number(VALUE, row[VALUE])
    finite = value is None or math.isfinite(value)
    return Reading(labels, value if finite else None, _number(COUNT, row.get(COUNT)), complete)


def _label(name: str, value: Any) -> str:
    if name == ALERTNAME or not _LABEL.fullmatch(name):
        raise ValueError(f"the column `{name[:100]}` can't be a label; give it another name with AS")
    if isinstance(value, (dict, list)):
        raise ValueError(  # noqa: TRY004 - a fault of the statement, like the others
            f"the column `{name}` holds more than one value, and a label is a text; use toString or leave it out"
        )
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)[:_LONGEST_LABEL]


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"`{name}` is {json.dumps(value)[:100]}, and must be a number or NULL") from None
