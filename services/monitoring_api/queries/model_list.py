"""Which models made predictions in a range."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.outcomes import CHAMPION
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange
from services.web.problems import NotFound

# One service that puts an id into its model's name must not make an endless answer.
MOST_ROWS: Final = 10_000
# Sums are kept longer than predictions, so there may be groups of which nothing else is left.
_MOST_COUNTED: Final = 10 * MOST_ROWS
_MOST_NAMES: Final = 50
# A reference of no version is one of every version.
EVERY_VERSION: Final = ""

# Without FINAL and labels, which take far longer: what came twice changes neither first nor last, nor which task most
# predictions are of. How many there are sums say.
_SEEN: Final = f"""SELECT
    ModelName,
    Task,
    ModelVersion,
    Variant,
    ServiceName,
    toUnixTimestamp64Nano(min(Timestamp)),
    toUnixTimestamp64Nano(max(Timestamp)),
    count() AS Delivered
FROM predictions_data
WHERE Timestamp >= fromUnixTimestamp64Nano({{from_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{to_ns:Int64}}, 'UTC')
    AND {REAL}
GROUP BY ModelName, Task, ModelVersion, Variant, ServiceName
ORDER BY Delivered DESC, ModelName, Task, ModelVersion, Variant, ServiceName
LIMIT {{most:UInt64}}"""  # noqa: S608  (a constant of ours)
_COUNTED: Final = find_metric("label_coverage")
_DIMENSIONS: Final = ("model", "model_version", "variant", "service")

_REFERENCES: Final = """SELECT DISTINCT ModelName, ModelVersion
FROM model_references
ORDER BY ModelName, ModelVersion
LIMIT {most:UInt64}"""

_NAMES: Final = f"""SELECT DISTINCT ModelName
FROM predictions_data
WHERE {REAL}
ORDER BY ModelName
LIMIT {{most:UInt64}}"""  # noqa: S608

_ANY: Final = "SELECT 1 FROM predictions_data WHERE ModelName = {model:String} LIMIT 1"


class SeenRow(NamedTuple):
    """Predictions of one model, version, variant and service."""

    model: str
    version: str
    variant: str
    service: str
    first_ns: int
    last_ns: int
    predictions: int
    labels: int


@dataclass(frozen=True, slots=True)
class SeenPart:
    """A version or a variant of a model, or all of it.

    Args:
        name: The version or variant.
        first_ns: When its first prediction of the range was made.
        last_ns: When its last was.
        predictions: How many it made.
        labels: For how many of these a label came.
    """

    name: str
    first_ns: int
    last_ns: int
    predictions: int
    labels: int

    @property
    def label_coverage(self) -> float:
        """The share of its predictions that a label came for."""
        return self.labels / self.predictions


@dataclass(frozen=True, slots=True)
class SeenModel:
    """A model in a range.

    Args:
        task: What most of its predictions are.
        whole: Its champion's predictions; all of them where it has no champion.
        versions: Its versions over all variants, the one seen last first.
        variants: Its variants, the one with most predictions first.
        services: Who made the predictions.
        references: Versions that there is a reference of; an empty one stands for all that have none of their own.
    """

    name: str
    task: str
    whole: SeenPart
    versions: Sequence[SeenPart]
    variants: Sequence[SeenPart]
    services: Sequence[str]
    references: frozenset[str]

    def has_reference(self, version: str) -> bool:
        """Whether there is something to compare this version with."""
        return version in self.references or EVERY_VERSION in self.references


@dataclass(frozen=True, slots=True)
class SeenModels:
    """The models of a range.

    Args:
        models: By name.
        truncated: Whether there are more than are told.
    """

    models: Sequence[SeenModel]
    truncated: bool = False


def seen_query(span: TimeRange) -> Query:
    """What there is of each model, task, version, variant and service; one more than is told, if there is."""
    return Query(_SEEN, {"from_ns": span.start_ns, "to_ns": span.end_ns, "most": MOST_ROWS + 1})


def references_query() -> Query:
    """Which versions of which models have a reference."""
    return Query(_REFERENCES, {"most": MOST_ROWS})


async def find_models(database: Database, span: TimeRange) -> SeenModels:
    """Every model that made a prediction in the range, by name.

    Predictions and labels are counted from sums, as far as these are up to date.
    """
    seen = await database.fetch(seen_query(span))
    if not seen:
        return SeenModels(())
    counts = await _counts(database, span)
    tasks: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    spans: dict[tuple[str, ...], tuple[int, int]] = {}
    for model, task, version, variant, service, first_ns, last_ns, delivered in seen[:MOST_ROWS]:
        group = tuple(map(str, (model, version, variant, service)))
        tasks[str(model)][str(task)] += int(delivered)
        earliest, latest = spans.get(group, (int(first_ns), int(last_ns)))
        spans[group] = (min(earliest, int(first_ns)), max(latest, int(last_ns)))
    by_name: dict[str, list[SeenRow]] = defaultdict(list)
    for group, (first_ns, last_ns) in spans.items():
        # What came between both questions is told by the next.
        predictions, labels = counts.get(group, (0, 0))
        if predictions:
            name, version, variant, service = group
            by_name[name].append(SeenRow(name, version, variant, service, first_ns, last_ns, predictions, labels))
    references: dict[str, set[str]] = defaultdict(set)
    for name, version in await database.fetch(references_query()):
        references[str(name)].add(str(version))
    models = [
        _model(name, rows, _most(tasks[name]), frozenset(references[name])) for name, rows in sorted(by_name.items())
    ]
    return SeenModels(models, truncated=len(seen) > MOST_ROWS)


async def _counts(database: Database, span: TimeRange) -> dict[tuple[str, ...], tuple[int, int]]:
    """How many predictions each group made, and how many of these have a label."""
    question = ask(_COUNTED, span, group_by=_DIMENSIONS, filters=[])
    plan = (await prepare(database, question, None)).plan
    # A group of several tasks is one here, so there are no more than were seen.
    found = await database.fetch(series_query(question, plan, None, most_rows=_MOST_COUNTED))
    (rows,) = SeriesRow.all_of(found)
    return {row.group: (int(row.base), int(row.value or 0)) for row in rows}


def _most(tasks: Mapping[str, int]) -> str:
    return max(sorted(tasks), key=tasks.__getitem__)


async def check_model(database: Database, name: str) -> None:
    """Refuse a model that never made a prediction.

    Raises:
        NotFound: It says which models there are.
    """
    if await database.fetch(Query(_ANY, {"model": name})):
        return
    names = await model_names(database)
    known = f"there are {', '.join(names)}" if names else "there is none yet"
    raise NotFound(f"There is no model {name[:80]!r}; {known}.")


async def model_names(database: Database) -> list[str]:
    """The names of all models that ever made a prediction that is stored, at most 50."""
    return [str(row[0]) for row in await database.fetch(Query(_NAMES, {"most": _MOST_NAMES}))]


def _model(name: str, rows: Sequence[SeenRow], task: str, references: frozenset[str]) -> SeenModel:
    # A shadow shares the champion's prediction ids, so counting both would count the labels twice.
    counted = [row for row in rows if row.variant == CHAMPION] or rows
    versions = {row.version for row in rows}
    variants = {row.variant for row in rows}
    return SeenModel(
        name,
        task,
        _part(name, counted),
        sorted(
            (_part(version, (row for row in rows if row.version == version)) for version in versions),
            key=lambda part: (-part.last_ns, part.name),
        ),
        sorted(
            (_part(variant, (row for row in rows if row.variant == variant)) for variant in variants),
            key=lambda part: (-part.predictions, part.name),
        ),
        sorted({row.service for row in rows}),
        references,
    )


def _part(name: str, rows: Iterable[SeenRow]) -> SeenPart:
    rows = list(rows)
    return SeenPart(
        name,
        min(row.first_ns for row in rows),
        max(row.last_ns for row in rows),
        sum(row.predictions for row in rows),
        sum(row.labels for row in rows),
    )
