"""Files to make references from."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from services.monitoring_api.reference.build import build
from services.monitoring_api.reference.options import BuildOptions


@pytest.fixture
def random():
    """Chance that repeats."""
    return np.random.default_rng(7)


@pytest.fixture
def made(tmp_path):
    """Makes a reference of columns, written as a file of either format, or of a text as it is."""

    def make(content, *, written="parquet", **options):
        file = tmp_path / f"training.{written}"
        if isinstance(content, str | bytes):
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        else:
            table = content if isinstance(content, pa.Table) else pa.table(content)
            write = pa.parquet.write_table if written == "parquet" else pa.csv.write_csv
            write(table, file)
        options = {name: frozenset(value) if isinstance(value, list) else value for name, value in options.items()}
        return build(BuildOptions(file=file, **options), "m", "v1", lambda _what, _share: None)

    return make
