"""Reads the metrics that the Collector's debug exporter wrote out: how many exemplars, and the last export's totals."""

from collections import Counter
from collections.abc import Iterable

_EXPORT = "Metrics\t"
_NAME = "     -> Name: "
_EXEMPLAR = "Exemplar #"
_FIGURES = ("Count: ", "Value: ")


def read_metrics(lines: Iterable[str]) -> tuple[int, dict[str, float]]:
    """Exemplars in all exports; of the last export with a metric, its histograms' counts or its counters' values.

    Args:
        lines: Lines of the debug exporter's detailed form.
    """
    exemplars = 0
    totals: dict[str, float] = {}
    export: Counter[str] = Counter()
    name = ""
    for line in lines:
        if line.startswith(_EXPORT):
            totals |= export
            export = Counter()
        elif line.startswith(_NAME):
            name = line[len(_NAME) :].rstrip()
        elif line.startswith(_EXEMPLAR):
            exemplars += 1
        elif line.startswith(_FIGURES):
            # A histogram's points have a `Count`, a counter's a `Value`; an exemplar's `Value` is indented.
            export[name] += float(line.split(": ", 1)[1])  # type: ignore[assignment]  # a Counter of floats
    return exemplars, totals | export
