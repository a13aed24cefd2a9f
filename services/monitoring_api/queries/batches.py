"""Questions that share rows, range and dimensions, put together to one statement.

Questions that differ only in the one value that they ask of a dimension, in which of the same dimensions they group by,
or in what they measure of the same rows become one GROUP BY over all these dimensions. A group of it lies in exactly
one group of each question, and is all of it, so no figure has to be made of others: the answers are those that each
would get by itself.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.monitoring_api.queries.filters import Filter, Operator
from services.monitoring_api.queries.metric import Metric
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.ripeness import COVERAGE
from services.monitoring_api.queries.source import Dimension, Measure

# A longer list of values is left out of the statement: a server takes 128 KiB of a parameter by default.
_MOST_BYTES: Final = 60_000

Group = tuple[str, ...]
Figures = Mapping[Measure, float | None]


@dataclass(frozen=True, slots=True)
class Part:
    """What one question wants of a batch's answer.

    Args:
        question: The question.
        values: What dimensions must be of which it asks one value, by their place in the batch's groups.
        groups: The places of the dimensions that it groups by.
    """

    question: Question
    values: Mapping[int, str]
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions that are one statement.

    Args:
        asked: What that statement asks.
        parts: What each of them wants of its answer.
    """

    asked: Question
    parts: tuple[Part, ...]

    def measures(self, *, bounds: bool) -> tuple[Measure, ...]:
        """What has to be measured, each once.

        Args:
            bounds: Whether also how far merged values may be off.
        """
        metrics = [part.question.metric for part in self.parts]
        if any(metric.needs_labels for metric in metrics):
            metrics.append(COVERAGE)
        metrics += [metric.bounding for metric in metrics if bounds and metric.bounding is not None]
        return tuple(dict.fromkeys(measure for metric in metrics for measure in (metric.value, metric.base)))

    def answers(self, rows: Sequence[tuple[Group, Figures]]) -> list[dict[Group, Figures]]:
        """For each part its own groups, in the order of their values.

        Args:
            rows: The groups of the statement's answer and their figures.
        """
        index: dict[tuple[int, ...], dict[Group, list[tuple[Group, Figures]]]] = {}
        found = []
        for part in self.parts:
            places = tuple(sorted(part.values))
            if places not in index:
                index[places] = _by_values(places, rows)
            mine = index[places].get(tuple(part.values[place] for place in places), ())
            groups = {tuple(group[place] for place in part.groups): figures for group, figures in mine}
            found.append(dict(sorted(groups.items(), key=lambda each: each[0])))
        return found


def batches(questions: Iterable[Question]) -> list[Batch]:
    """Put together what can be one statement; a question that shares with none is asked as it is."""
    shared: dict[Hashable, list[Question]] = defaultdict(list)
    for question in questions:
        shared[_shape(question)].append(question)
    return [_together(each) if len(each) > 1 else alone(each[0]) for each in shared.values()]


def alone(question: Question) -> Batch:
    """A question by itself."""
    return Batch(question, (Part(question, {}, tuple(range(len(question.group_by)))),))


def _by_values(
    places: tuple[int, ...], rows: Iterable[tuple[Group, Figures]]
) -> dict[Group, list[tuple[Group, Figures]]]:
    found: dict[Group, list[tuple[Group, Figures]]] = defaultdict(list)
    for row in rows:
        found[tuple(row[0][place] for place in places)].append(row)
    return found


def _shape(question: Question) -> Hashable:
    """What questions must have in common to be one statement."""
    told_apart = {dimension.name for dimension in question.group_by} | _asked_values(question).keys()
    others = sorted((each.key, str(each.operator), each.values) for each in _others(question))
    # Which rollups may answer is the same for all of them.
    return (question.metric.source.name, question.span, frozenset(told_apart), tuple(others), question.tiers(None))


def _together(questions: Sequence[Question]) -> Batch:
    first = questions[0]
    known: dict[str, Dimension] = {dimension.name: dimension for dimension in first.group_by}
    known |= {dimension.name: dimension for dimension, _ in first.conditions}
    values = [_asked_values(question) for question in questions]
    told_apart = sorted({dimension.name for dimension in first.group_by} | values[0].keys())
    places = {name: place for place, name in enumerate(told_apart)}
    conditions = [(dimension, each) for dimension, each in first.conditions if each.operator is not Operator.EQUAL]
    for name in told_apart:
        wanted = {mine[name] for mine in values if name in mine}
        if all(name in mine for mine in values) and sum(len(each.encode()) for each in wanted) <= _MOST_BYTES:
            conditions.append((known[name], Filter(name, Operator.IN, tuple(sorted(wanted)))))
    asked = replace(
        first,
        group_by=tuple(known[name] for name in told_apart),
        conditions=tuple(conditions),
        also=_others_measured(first.metric, questions),
    )
    parts = (
        Part(
            question,
            {places[name]: value for name, value in mine.items()},
            tuple(places[dimension.name] for dimension in question.group_by),
        )
        for question, mine in zip(questions, values, strict=True)
    )
    return Batch(asked, tuple(parts))


def _others_measured(first: Metric, questions: Iterable[Question]) -> tuple[Metric, ...]:
    metrics = {question.metric.name: question.metric for question in questions if question.metric.name != first.name}
    return tuple(metrics.values())


def _asked_values(question: Question) -> dict[str, str]:
    """Dimensions of which it asks one value."""
    return {
        dimension.name: each.values[0] for dimension, each in question.conditions if each.operator is Operator.EQUAL
    }


def _others(question: Question) -> list[Filter]:
    return [each for _, each in question.conditions if each.operator is not Operator.EQUAL]
