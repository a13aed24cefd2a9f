"""Makes a reference from a file of any length, in a bounded room."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.monitoring_api.reference import findings
from services.monitoring_api.reference.batch import Batch, Numbers
from services.monitoring_api.reference.column_summary import ColumnSummary, finite, quantiles
from services.monitoring_api.reference.distinct import DistinctValues
from services.monitoring_api.reference.document import Finding, Reference, ScoreReference, Source, Task
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.hashing import NULL, Hashes, mix
from services.monitoring_api.reference.label_summary import LabelSummary
from services.monitoring_api.reference.leakage import (
    SUSPICIOUS_AUC,
    SUSPICIOUS_CORRELATION,
    tells_class,
    tells_number,
)
from services.monitoring_api.reference.options import BuildOptions
from services.monitoring_api.reference.sample import RowSample
from services.monitoring_api.reference.score_edges import score_edges
from services.monitoring_api.reference.table_file import TableFile, open_table, sha256

# What is held: a sample of rows of at most 64 MiB (twice that while it grows), half a million scores, as many hashes
# of rows.
_SAMPLE_BYTES: Final = 1 << 26
_MOST_SAMPLED: Final = 100_000
_LEAST_SAMPLED: Final = 2_000
_MOST_SCORES: Final = 1 << 19
_MOST_ROW_HASHES: Final = 1 << 19

Progress = Callable[[str, float], None]


@dataclass(slots=True)
class _Gathered:
    """What is kept of the rows while they go by."""

    columns: dict[str, ColumnSummary]
    label: LabelSummary | None
    sample: RowSample
    scores: RowSample
    rows: DistinctValues = field(default_factory=lambda: DistinctValues(_MOST_ROW_HASHES))
    seen: int = 0

    def add(self, batch: Batch, score: str | None) -> None:
        """Take more rows."""
        whole_rows: Hashes = np.zeros(batch.rows, np.uint64)
        sampled: dict[str, npt.NDArray[Any]] = {}
        for name, cells in batch.columns.items():
            hashes = cells.hashes
            self.columns[name].add(cells, hashes, batch.first_row)
            whole_rows = mix(whole_rows + hashes)
            sampled[name] = cells.values if isinstance(cells, Numbers) else hashes
            if name == score and isinstance(cells, Numbers):
                self.scores.add({name: cells.values})
            if self.label is not None and name == self.label.column.name:
                self.label.add(cells)
        self.sample.add(sampled)
        self.rows.add(whole_rows)
        self.seen += batch.rows


def build(options: BuildOptions, model: str, version: str, progress: Progress) -> Reference:
    """Read a file and say how its columns are distributed, and what is wrong with it.

    Args:
        options: The file and what its columns are.
        model: Name of the model.
        version: Its version; empty: every one.
        progress: Is told what is being done, and how much of it is done, from 0 to 1.

    Raises:
        UnusableFileError: The file can't be used; what is wrong, where, and what to do.
    """
    before = _identity(options)
    table = open_table(options)
    digest = sha256(options.file, lambda share: progress("Fingerprint", share))
    table.prepare(lambda share: progress("Checking", share))
    if options.score is not None and table.kinds.get(options.score) != "number":
        raise UnusableFileError(
            f"Column {options.score!r} of {options.file} holds no numbers, and scores are: name another with --score."
        )
    if options.label is not None and options.label in table.left_out:
        raise UnusableFileError(
            f"Column {options.label!r} of {options.file} ({table.left_out[options.label]}) holds neither classes nor "
            "numbers: name another with --label."
        )
    gathered = _gather(table, options, progress)
    if _identity(options) != before:
        raise UnusableFileError(f"{options.file} was changed while it was read: try again once it is written.")
    if not gathered.seen:
        raise UnusableFileError(f"{options.file} has a header and no rows: there is nothing to make a reference from.")
    task = _task(options, gathered)
    source = Source(
        kind="file",
        file=options.file.name,
        sha256=digest,
        sampled_rows=None if gathered.sample.exact else gathered.sample.kept,
    )
    scores, edges = _scores(options, gathered, task)
    features = [each for name, each in gathered.columns.items() if name not in {options.score, options.label}]
    return Reference(
        model=model,
        version=version,
        task=task,
        rows=gathered.seen,
        source=source,
        features=[each.feature(gathered.sample.column(each.name)) for each in features],
        scores=scores,
        labels=None
        if gathered.label is None
        else gathered.label.reference(task, gathered.sample.column(gathered.label.column.name)),
        findings=list(_findings(table, gathered, features, task)),
        score_edges=edges,
    )


def _identity(options: BuildOptions) -> tuple[int, int]:
    try:
        found = options.file.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _gather(table: TableFile, options: BuildOptions, progress: Progress) -> _Gathered:
    names = list(table.kinds)
    if not names:
        raise UnusableFileError(f"{options.file} has no column left to read: every one is ignored or of another kind.")
    columns = {name: ColumnSummary(name, is_number=kind == "number") for name, kind in table.kinds.items()}
    most = max(_LEAST_SAMPLED, min(_MOST_SAMPLED, _SAMPLE_BYTES // (8 * len(names))))
    gathered = _Gathered(
        columns=columns,
        label=None if options.label is None else LabelSummary(columns[options.label]),
        sample=RowSample(names, most),
        scores=RowSample([] if options.score is None else [options.score], _MOST_SCORES),
    )
    for batch in table.batches():
        gathered.add(batch, options.score)
        progress("Reading", table.share)
    return gathered


def _task(options: BuildOptions, gathered: _Gathered) -> Task:
    if gathered.label is not None:
        return gathered.label.task(options.task)
    if options.task or options.score is None:
        return options.task
    moments = gathered.columns[options.score].moments
    # Nobody said: probabilities are of a class, and two are most common.
    return "binary" if moments.least >= 0 and moments.most <= 1 else "regression"


def _scores(options: BuildOptions, gathered: _Gathered, task: Task) -> tuple[ScoreReference | None, list[float]]:
    if options.score is None:
        return None, []
    moments = gathered.columns[options.score].moments
    if not moments.finite:
        raise UnusableFileError(f"Column {options.score!r} has no score in any row: name another with --score.")
    sampled = gathered.scores.column(options.score)
    reference = ScoreReference(
        quantiles=quantiles(sampled),
        mean=finite(moments.mean),
        standard_deviation=finite(moments.standard_deviation),
    )
    return reference, [] if task == "regression" else score_edges(sampled)


def _findings(table: TableFile, gathered: _Gathered, features: list[ColumnSummary], task: Task) -> Iterator[Finding]:
    yield from findings.of_left_out(table.left_out)
    yield from findings.of_columns(features)
    yield from findings.of_copies([*([] if gathered.label is None else [gathered.label.column]), *features])
    yield from _leaks(gathered, features, task)
    yield from findings.of_rows(gathered.rows, gathered.seen)


def _leaks(gathered: _Gathered, features: list[ColumnSummary], task: Task) -> Iterator[Finding]:
    if gathered.label is None:
        return
    label = gathered.sample.column(gathered.label.column.name)
    known = ~np.isnan(label) if gathered.label.column.is_number else label != NULL
    if task == "regression":
        known &= np.isfinite(label)
    values = label[known]
    places = None if task == "regression" else np.unique(values, return_inverse=True)[1].astype(np.int64)
    name = gathered.label.column.name
    for feature in features:
        cells = gathered.sample.column(feature.name)[known]
        told = tells_number(cells, values) if places is None else tells_class(cells, places)
        least, what = (SUSPICIOUS_CORRELATION, "rank correlation") if places is None else (SUSPICIOUS_AUC, "ROC AUC")
        if told is not None and told.figure >= least:
            yield Finding(
                kind="leakage",
                column=feature.name,
                message=f"{feature.name} alone tells {name} almost perfectly ({what} {told.figure:.4f}): is it known "
                "when a prediction is made?",
            )
