"""Where scores are cut into bins."""

from typing import Final

import numpy as np

from services.monitoring_api.reference.hashing import Floats

MOST_EDGES: Final = 4_096


def score_edges(scores: Floats, most: int = MOST_EDGES) -> list[float]:
    """Distinct quantiles of the scores, ascending; a bin begins at its edge.

    Where there are no more different scores than bins, each is an edge, and nothing is lost by the bins. Else quantiles
    are scores that there were, not what lies between two: then a score that is common begins a bin.

    Args:
        scores: Any numbers; what is not finite is left out.
        most: Edges to make.
    """
    finite = scores[np.isfinite(scores)]
    distinct = np.unique(finite)
    if len(distinct) > most:
        distinct = np.unique(np.quantile(finite, np.arange(most) / most, method="inverted_cdf"))
    edges: list[float] = distinct.tolist()
    return edges
