"""Mean and spread of numbers that come in pieces."""

import math

import numpy as np

from services.monitoring_api.reference.hashing import Floats


class Moments:
    """Count, mean and standard deviation of the finite numbers of a column, merged piece by piece.

    Chan, Golub, LeVeque, 'Updating formulae and a pairwise algorithm for computing sample variances' (1979). The
    deviation is that of the whole (`numpy.std`).
    """

    def __init__(self) -> None:
        self.rows = 0
        self.nulls = 0
        self.infinite = 0
        self.finite = 0
        self.mean = 0.0
        self._squares = 0.0
        self.least = math.inf
        self.most = -math.inf

    def add(self, values: Floats) -> None:
        """Take more numbers; NaN is a null."""
        self.rows += len(values)
        nulls = int(np.isnan(values).sum())
        finite = values[np.isfinite(values)]
        self.nulls += nulls
        self.infinite += len(values) - nulls - len(finite)
        if not len(finite):
            return
        # Numbers near the largest that there are have no mean or spread that a float could hold.
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(finite.mean())
            squares = float(np.square(finite - mean).sum())
        count = self.finite + len(finite)
        apart = mean - self.mean
        self._squares += squares + apart * apart * self.finite * len(finite) / count
        self.mean += apart * len(finite) / count
        self.finite = count
        self.least = min(self.least, float(finite.min()))
        self.most = max(self.most, float(finite.max()))

    @property
    def standard_deviation(self) -> float:
        """Of the finite numbers; 0 where there are none."""
        return math.sqrt(self._squares / self.finite) if self.finite else 0.0
