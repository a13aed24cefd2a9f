"""Multi-class models: how often they decided right, by class and over all, and how good their scores are."""

from collections.abc import Mapping
from typing import Any, Final

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.performance.asked import Asked
from services.monitoring_api.queries.performance.binary import CLIP, accuracy
from services.monitoring_api.queries.performance.figure import Figure, known, too_few
from services.monitoring_api.queries.performance.grouped import Group, Grouped, mean_of
from services.monitoring_api.queries.performance.intervals import normal
from services.monitoring_api.queries.performance.measured import Measured
from services.monitoring_api.queries.performance.pairs import PairCounts
from services.monitoring_api.queries.performance.rest import READABLE, against_rest, area, areas
from services.monitoring_api.queries.performance.table import OF_CLASSES, OF_TABLE, Table

MULTICLASS: Final = frozenset(
    {"accuracy", "log_loss", "roc_auc", "roc_auc_macro", "roc_auc_weighted", *OF_CLASSES, *OF_TABLE}
)
# More would be labels that are no classes; they are counted in the database, but averaged here.
MOST_CELLS: Final = 100_000
NO_PROBABILITIES: Final = "no labelled prediction has scores from 0 to 1 with the class that its label names"
_COLUMNS: Final[Mapping[str, str]] = {
    "labelled": "Labelled",
    "correct": "Correct",
    "readable": READABLE,
    "probable": f"{READABLE} AND arrayAll(score -> score >= 0 AND score <= 1, mapValues(Scores))",
    "loss": f"-log(greatest(least(Scores[LabelValue], {1 - CLIP!r}), {CLIP!r}))",
}
_COUNTS: Final[Mapping[str, str]] = {
    "predictions": "count()",
    "labels": "countIf(labelled)",
    "compared": "count(correct)",
    "right": "countIf(correct = 1)",
    "readables": "countIf(readable)",
    "probabilities": "countIf(probable)",
}


async def multiclass(asked: Asked) -> list[Measured]:
    """Measure a multi-class model's groups.

    Raises:
        BadInput: When there are too many groups and classes to tell.
    """
    columns = dict(_COUNTS)
    if asked.wants("log_loss"):
        columns["log_loss_mean"] = mean_of("loss", "probable")
        if asked.intervals:
            columns["log_loss_variance"] = "varSampStableIf(loss, probable)"
    statement = asked.grouped.aggregate(asked.grouped.select(_COLUMNS), columns)
    rows = await asked.grouped.ask_by_group(statement, list(columns))
    counted = await tables(asked.grouped) if asked.wants(*OF_TABLE, *OF_CLASSES) else {}
    with_areas = asked.wants("roc_auc", "roc_auc_macro", "roc_auc_weighted")
    ranked = await against_rest(asked.grouped) if with_areas else {}
    return [_measured(asked, group, row, counted.get(group), ranked.get(group, {})) for group, row in rows.items()]


async def tables(grouped: Grouped) -> dict[Group, Table]:
    """Every group's table of classes and decisions; groups without labelled decisions are left out.

    Raises:
        BadInput: When there are too many groups and classes to tell.
    """
    source = grouped.select({"labelled_as": "LabelValue", "decided_as": "Label"}, where="Correct IS NOT NULL")
    statement = grouped.aggregate(source, {"cell": "count()"}, by=["labelled_as", "decided_as"])
    statement = f"SELECT * FROM (\n{statement}\nLIMIT {MOST_CELLS + 1}\n)"  # noqa: S608  (texts of ours)
    found = await grouped.ask(statement, ["labelled_as", "decided_as", "cell"])
    if len(found) > MOST_CELLS:
        raise bad_field(
            "groups",
            f"labels, decisions and groups combine in more than {MOST_CELLS:,} ways; ask for fewer groups, or see "
            "whether the labels are classes at all",
        )
    cells: dict[Group, dict[tuple[str, str], int]] = {}
    for group, row in found:
        cells.setdefault(group, {})[row["labelled_as"], row["decided_as"]] = int(row["cell"])
    return {group: Table(each) for group, each in cells.items()}


def _measured(
    asked: Asked, group: Group, row: Mapping[str, Any], table: Table | None, pairs: Mapping[str, PairCounts]
) -> Measured:
    labels, compared, readables = (int(row[name]) for name in ("labels", "compared", "readables"))
    figures = {"accuracy": accuracy(int(row["right"]), compared, labels, asked.least)}
    if asked.wants("log_loss"):
        figures["log_loss"] = _log_loss(row, asked.least)
    few = too_few(compared, labels, asked.least)
    figures |= dict.fromkeys(OF_TABLE, few) if few is not None else table.figures() if table is not None else {}
    # What is asked for by one name of any model is of several classes their plain mean.
    figures |= {name: figures[f"{name}_macro"] for name in OF_CLASSES if f"{name}_macro" in figures}
    figures |= areas(pairs, readables, labels, asked)
    classes: dict[str, dict[str, Figure]] = {}
    for name, tally in (table.tallies() if table is not None else {}).items():
        classes[name] = tally.figures(labels, asked.least)
    for name, counts in pairs.items():
        classes.setdefault(name, {})["roc_auc"] = area(counts, labels, asked.least)
    return Measured(
        group,
        int(row["predictions"]),
        labels,
        asked.kept(figures),
        {name: asked.kept(classes[name]) for name in sorted(classes)},
    )


def _log_loss(row: Mapping[str, Any], least: int) -> Figure:
    """Mean of minus the logarithm of the score of the class that was true, clipped as scikit-learn's ``log_loss``.

    Scores count as they are: they are not made to sum to 1, which scikit-learn does not do either. Rows whose scores
    lie beyond 0 to 1, or lack the label's class, are left out. Source: Good, Rational decisions, JRSS B 14, 1952; its
    interval: `normal`.
    """
    n = int(row["probabilities"])
    few = too_few(n, int(row["labels"]), least, lacking=NO_PROBABILITIES)
    if few is not None:
        return few
    value = float(row["log_loss_mean"])
    return known(value, n, normal(value, float(row.get("log_loss_variance", "nan")), n, floor=0.0))
