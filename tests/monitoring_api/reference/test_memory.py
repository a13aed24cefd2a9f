"""A file of any length is read in a room of the same size."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet

GROUP_ROWS = 250_000
COLUMNS = 6
# The high-water mark of what it took on top of the libraries, in bytes.
MEASURED = """
import resource, sys
from pathlib import Path
import numpy, pyarrow.compute, pyarrow.csv, pyarrow.parquet
from services.monitoring_api.reference.build import build
from services.monitoring_api.reference.options import BuildOptions
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
options = BuildOptions(file=Path(sys.argv[1]), score="score", label="late")
made = build(options, "m", "", lambda _what, _share: None)
print(made.rows, made.source.sampled_rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def written(file, groups):
    """A Parquet file of random numbers, which nothing compresses, with a category and a label."""
    random = np.random.default_rng(3)
    writer = None
    for _ in range(groups):
        columns = {f"x{n}": random.normal(size=GROUP_ROWS) for n in range(COLUMNS)}
        columns |= {"score": random.random(GROUP_ROWS), "late": random.choice(["late", "on_time"], GROUP_ROWS)}
        table = pa.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    writer.close()
    return file


def taken(file):
    """Rows read, rows sampled, and bytes that a process of its own took for it."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(file)], capture_output=True, text=True, timeout=280, check=True
    )
    return tuple(map(int, done.stdout.split()))


def test_four_times_the_rows_take_no_more_memory(tmp_path):
    """From one to four million rows the file grows by 160 MB, and what is held by less than a tenth of that."""
    small, large = written(tmp_path / "small.parquet", 4), written(tmp_path / "large.parquet", 16)
    extra = large.stat().st_size - small.stat().st_size
    assert extra > 150_000_000
    rows, sampled, less = taken(small)
    assert (rows, sampled) == (1_000_000, 100_000)
    rows, sampled, more = taken(large)
    assert (rows, sampled) == (4_000_000, 100_000)
    assert more - less < 0.1 * extra
    assert more < large.stat().st_size
