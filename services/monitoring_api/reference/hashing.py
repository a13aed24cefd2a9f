"""64 bits for each cell, so that cells and rows are compared without being kept."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

NULL: Final = np.uint64(0x9E3779B97F4A7C15)


def mix(bits: Hashes) -> Hashes:
    """Bits stirred so that each depends on all.

    The finaliser of SplitMix64: Steele, Lea, Flood, 'Fast splittable pseudorandom number generators', OOPSLA 2014.
    """
    mixed = bits ^ (bits >> np.uint64(30))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def of_numbers(values: Floats) -> Hashes:
    """One for each number; 0.0 and -0.0 are one, and NaN is a null."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(np.isnan(values), NULL, mix(bits + np.uint64(1)))


def of_texts(values: Sequence[str]) -> Hashes:
    """One for each text."""
    digests = (hashlib.blake2b(value.encode(errors="surrogatepass"), digest_size=8).digest() for value in values)
    return np.frombuffer(b"".join(digests), dtype=np.uint64).copy()


def with_place(hashes: Hashes, first_row: int) -> Hashes:
    """Hashes of cells together with the row that each is in."""
    rows = np.arange(first_row, first_row + len(hashes), dtype=np.uint64)
    return mix(hashes ^ mix(rows + NULL))
