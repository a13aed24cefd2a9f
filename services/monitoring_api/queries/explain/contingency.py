"""How often something is there among selected cases and among the rest, and what that says."""

import math
from dataclasses import dataclass
from typing import Final

Z95: Final = 1.959963984540054
# Above it nothing can be found, so an approximation will do there.
_WORTH_EXACTNESS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Contingency:
    """A two by two table.

    Args:
        selected_with: Selected cases that have it.
        rest_with: Other cases that have it.
        selected: Selected cases in all.
        rest: Other cases in all.
    """

    selected_with: int
    rest_with: int
    selected: int
    rest: int

    @property
    def share_selected(self) -> float:
        """Of the selected, how many have it."""
        return self.selected_with / self.selected if self.selected else 0.0

    @property
    def share_rest(self) -> float:
        """Of the rest, how many have it."""
        return self.rest_with / self.rest if self.rest else 0.0

    @property
    def support(self) -> int:
        """Cases that have it."""
        return self.selected_with + self.rest_with

    @property
    def says_something(self) -> bool:
        """Whether some have it and some do not, and there are cases of both kinds."""
        return 0 < self.support < self.selected + self.rest and self.selected > 0 and self.rest > 0

    def over(self, other: "Contingency") -> "Contingency":
        """Cases that have this and are not among another's, which is a part of it."""
        return Contingency(
            self.selected_with - other.selected_with,
            self.rest_with - other.rest_with,
            self.selected - other.selected,
            self.rest - other.rest,
        )

    def z(self) -> float:
        """How far the selected cases that have it exceed what chance gives, in standard deviations."""
        return combined_z(self)

    def p(self) -> float:
        """The chance of so many or more selected cases with it when it made no difference.

        The upper tail of the hypergeometric distribution: Fisher's exact test, one-sided (Fisher 1935, "The Design of
        Experiments"; agrees with scipy.stats.fisher_exact). Where the normal approximation says that the chance is
        large, that is the answer.
        """
        if not self.says_something:
            return 1.0
        about = upper_tail(self.z())
        return about if about > _WORTH_EXACTNESS else self._exact()

    def _exact(self) -> float:
        with_it, cases = self.support, self.selected + self.rest
        without = cases - with_it
        x = self.selected_with
        logarithm = _choose(with_it, x) + _choose(without, self.selected - x) - _choose(cases, self.selected)
        term = total = 1.0
        # Each term by the one before; past the mean they only fall.
        while x < min(with_it, self.selected):
            term *= (with_it - x) * (self.selected - x) / ((x + 1) * (without - self.selected + x + 1))
            x += 1
            total += term
            if term < total * 1e-17:
                break
        return min(1.0, math.exp(logarithm + math.log(total)))

    def log_likelihood(self) -> float:
        """Half of G: how much likelier the table is with two rates than with one (natural logarithm)."""
        with_it, cases = self.support, self.selected + self.rest
        return (
            _entropy(self.selected_with, self.rest_with)
            + _entropy(self.selected - self.selected_with, self.rest - self.rest_with)
            - _entropy(self.selected, self.rest)
            if 0 < with_it < cases
            else 0.0
        )

    def odds_ratio(self) -> float:
        """The odds of it among the selected over those among the rest; a half is added to each count (Haldane 1956)."""
        a, b = self.selected_with + 0.5, self.rest_with + 0.5
        c, d = self.selected - self.selected_with + 0.5, self.rest - self.rest_with + 0.5
        return a * d / (b * c)

    def attributable(self) -> tuple[float, float, float]:
        """The share of the selected cases that it accounts for, with its 95 % interval.

        ``(s - r) / (1 - r)`` for its shares s among the selected and r among the rest: the attributable fraction of
        the population for a case-control study (Levin 1953; Miettinen 1974). What a cause adds to the selected is the
        same however many others there are, so it ranks the same when one group is a hundred times the other; ``s - r``
        does not: it rates what is common in both above what is rare among the rest. The interval is
        normal for ``log(1 - fraction)`` (Walter 1975), with a half added to each count, so that none is infinite; its
        lower bound ranks what rests on few cases behind.
        """
        s, r = (self.selected_with + 0.5) / (self.selected + 1), (self.rest_with + 0.5) / (self.rest + 1)
        logarithm = math.log((1 - s) / (1 - r))
        error = math.sqrt(s / ((self.selected + 1) * (1 - s)) + r / ((self.rest + 1) * (1 - r)))
        plain = (self.share_selected - self.share_rest) / (1 - self.share_rest) if self.share_rest < 1 else 0.0
        return plain, 1 - math.exp(logarithm + Z95 * error), 1 - math.exp(logarithm - Z95 * error)


def combined_z(*strata: Contingency) -> float:
    """The excess over all strata together, in standard deviations (Mantel and Haenszel 1959, without correction)."""
    excess = variance = 0.0
    for each in strata:
        cases = each.selected + each.rest
        if cases < 2:  # noqa: PLR2004  (one case has no variance)
            continue
        excess += each.selected_with - each.selected * each.support / cases
        variance += each.selected * each.rest * each.support * (cases - each.support) / (cases * cases * (cases - 1))
    return excess / math.sqrt(variance) if variance > 0 else 0.0


def upper_tail(z: float) -> float:
    """The chance that a standard normal variable is at least so large."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def _choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _entropy(a: int, b: int) -> float:
    return sum(count * math.log(count / (a + b)) for count in (a, b) if count)
