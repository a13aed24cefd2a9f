"""A Parquet file, batch by batch."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from services.monitoring_api.reference.arrow import Arrow, Kind, first_line
from services.monitoring_api.reference.batch import Batch
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.options import BuildOptions

_BATCH_CELLS: Final = 1 << 20
_MOST_BATCH_ROWS: Final = 1 << 16
_BUFFER_BYTES: Final = 1 << 20


class ParquetFile:
    """Rows of a Parquet file.

    Args:
        options: The file and how to read it.
        arrow: What reads it.

    Raises:
        UnusableFileError: It is no whole Parquet file.
    """

    def __init__(self, options: BuildOptions, arrow: Arrow) -> None:
        self._options = options
        self._arrow = arrow
        self.kinds: dict[str, Kind] = {}
        self.left_out: dict[str, str] = {}
        with self._open() as file:
            schema = file.schema_arrow
            self._total: int = file.metadata.num_rows
        self.names: list[str] = list(schema.names)
        for name, type_ in zip(schema.names, schema.types, strict=True):
            if name in options.ignore:
                continue
            kind = "category" if name in options.category else arrow.kind(type_)
            if kind is None or arrow.kind(type_) is None:
                self.left_out[name] = str(type_)
            else:
                self.kinds[name] = kind
        self._row = 0

    @property
    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return min(self._row / max(self._total, 1), 1.0)

    def prepare(self, progress: Callable[[float], None]) -> None:
        """Nothing: the file says what its columns are."""
        progress(1.0)

    def batches(self) -> Iterator[Batch]:
        """All rows."""
        self._row = 0
        wanted = list(self.kinds)
        rows = max(1, min(_MOST_BATCH_ROWS, _BATCH_CELLS // max(len(wanted), 1)))
        with self._open() as file:
            try:
                for batch in file.iter_batches(rows, columns=wanted, use_threads=False):
                    columns = {name: self._arrow.cells(batch.column(name), kind) for name, kind in self.kinds.items()}
                    yield Batch(self._row, batch.num_rows, columns)
                    self._row += batch.num_rows
            except (self._arrow.all.ArrowException, OSError) as error:
                raise UnusableFileError(
                    f"{self._options.file} can't be read after row {self._row:,}: {first_line(error)}. It is damaged: "
                    "write or copy it anew."
                ) from None

    def _open(self) -> Any:
        try:
            return self._arrow.parquet.ParquetFile(self._options.file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        except (self._arrow.all.ArrowException, OSError) as error:
            raise UnusableFileError(
                f"{self._options.file} is no whole Parquet file: {first_line(error)}. Was it cut off while it was "
                "written or copied? Write or copy it anew."
            ) from None
