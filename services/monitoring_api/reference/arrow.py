"""pyarrow, which only reading files needs, and its columns as ours."""

import importlib
from typing import Any, Final, Literal

import numpy as np

from services.monitoring_api.reference.batch import Categories, Cells, Numbers
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.hashing import NULL, mix, of_numbers

Kind = Literal["number", "category"]
# Beyond it neighbouring integers are one float.
_EXACT_INTEGER: Final = 2**53


class Arrow:
    """The modules of pyarrow that are used here.

    Raises:
        UnusableFileError: It is not installed.
    """

    def __init__(self) -> None:
        # Imported here and by name: it has no types.
        try:
            self.all: Any = importlib.import_module("pyarrow")
            self.compute: Any = importlib.import_module("pyarrow.compute")
            self.csv: Any = importlib.import_module("pyarrow.csv")
            self.parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError:
            raise UnusableFileError(
                "Building a reference needs pyarrow, which is not installed: pip install pyarrow, or run this in a "
                "checkout or the image `tools`."
            ) from None

    def kind(self, type_: Any) -> Kind | None:
        """What a column of a type is; None: neither numbers nor names."""
        types = self.all.types
        if types.is_dictionary(type_):
            return self.kind(type_.value_type)
        if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_) or types.is_null(type_):
            return "number"
        if types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_):
            return "category"
        return "category" if types.is_boolean(type_) else None

    def numbers(self, column: Any) -> Numbers:
        """A column of numbers."""
        if self.all.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        floats = column.cast(self.all.float64(), safe=False)
        values = np.array(floats.to_numpy(zero_copy_only=False), dtype=np.float64)
        hashes = of_numbers(values)
        large = np.abs(values) > _EXACT_INTEGER
        if self.all.types.is_integer(column.type) and large.any():
            integers = column.fill_null(0).cast(self.all.int64(), safe=False).to_numpy(zero_copy_only=False)
            hashes = np.where(large, mix(integers.astype(np.int64).view(np.uint64) ^ NULL), hashes)
        return Numbers(values, hashes)

    def categories(self, column: Any) -> Categories:
        """A column of names; numbers become names as JSON writes them."""
        if self.all.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        encoded = column.dictionary_encode()
        codes = encoded.indices.cast(self.all.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        return Categories.of(np.asarray(codes, dtype=np.int64), [name(each) for each in encoded.dictionary.to_pylist()])

    def cells(self, column: Any, kind: Kind) -> Cells:
        """A column of either kind."""
        return self.numbers(column) if kind == "number" else self.categories(column)


def name(value: Any) -> str:
    """A value as the text that a prediction or a label has: 1.0 is 1, and True is true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGER:
        return str(int(value))
    return str(value)


def first_line(error: BaseException) -> str:
    """What an error of pyarrow says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
