"""A file that can't be used says what is wrong, where, and what to do; nothing is guessed."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from services.monitoring_api.reference import csv_file
from services.monitoring_api.reference.build import build
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.options import BuildOptions
from services.monitoring_api.reference.verbs import reference as verb

NUMBERS = "\n".join(f"{n},{n / 100},{'ab'[n % 2]}" for n in range(99))
GOOD = f"x,p,y\n{NUMBERS}\n"


def refused(made, content, **options):
    """What is said of a file that is refused."""
    with pytest.raises(UnusableFileError) as error:
        made(content, **{"written": "csv"} | options)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("", {}, "is empty. A CSV file begins with a header"),
        ("x,y\n", {}, "has a header and no rows"),
        (GOOD, {"score": "q"}, "has no column 'q'; its columns are: x, p, y. Name the right one with --score."),
        (GOOD, {"label": "z"}, "Name the right one with --label."),
        (GOOD, {"ignore": ["nope"]}, "Name the right one with --ignore."),
        (GOOD, {"score": "y"}, "Row 1 has 'a' in column 'y', which is no number, and scores are"),
        (GOOD, {"score": "p", "label": "p"}, "can't be both --score and --label"),
        (GOOD, {"score": "p", "ignore": ["p"]}, "can't be both --score and --ignore"),
        (GOOD, {"score": "p", "category": ["p"]}, "scores are numbers"),
        (GOOD, {"ignore": ["x", "p", "y"]}, "has no column left to read"),
        (GOOD.replace("50,", "fifty,"), {}, "Row 51 has 'fifty' in column 'x', whose other cells are numbers (1 of 99"),
        (GOOD.replace("50,", "fifty,"), {}, "--category x where they are names, or --ignore x."),
        (GOOD.replace("x,p,y", "x,p,p"), {}, "more than one column 'p'"),
        (GOOD.replace("7,0.07,b", "7,0.07"), {}, "Line 9 has 2 cells, and the header 3"),
        (GOOD.replace("7,0.07,b", "7,0.07,b,c"), {}, "Line 9 has 4 cells, and the header 3"),
        (GOOD.encode().replace(b",b", b",\xff", 1), {}, "is not UTF-8 in the rows after"),
        (GOOD.replace(",", ";"), {"label": "y"}, "It looks separated otherwise: say --delimiter."),
        (GOOD, {"label": "y", "task": "regression"}, "is not all numbers, and --task regression needs them"),
        (GOOD, {"label": "x", "task": "binary"}, "has 99 different labels, and --task binary has two"),
        ("y,p\n,1\n,2\n", {"label": "y"}, "Column 'y' has no label in any row"),
        ("y,p\na,\nb,\n", {"score": "p"}, "Column 'p' has no score in any row"),
        ("y,p\na,inf\nb,inf\n", {"score": "p"}, "Column 'p' has no score in any row"),
        ("y\n" + "\n".join(f"n{n}" for n in range(1_500)), {"label": "y"}, "more than 1,000 are no classes"),
    ],
)
def test_what_is_wrong_is_said(made, content, options, expected):
    """With the row or column, and the option or the change that mends it."""
    assert expected in refused(made, content, **options)


def test_files_that_are_none(tmp_path):
    """Missing, a folder, a pipe, of another kind, and cut off."""

    def said(name, **options):
        with pytest.raises(UnusableFileError) as error:
            build(BuildOptions(file=tmp_path / name, **options), "m", "", lambda _what, _share: None)
        return str(error.value)

    assert said("missing.csv").endswith("missing.csv does not exist.")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is no ordinary file" in said("folder.csv")
    assert "is no ordinary file" in said("pipe.csv")
    (tmp_path / "training.txt").write_text(GOOD)
    assert "say --format csv or --format parquet" in said("training.txt")
    pa.parquet.write_table(pa.table({"x": np.arange(10_000)}), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    (tmp_path / "named.csv").write_bytes(whole)
    damaged = bytearray(whole)
    damaged[4:4_000] = bytes(3_996)
    (tmp_path / "damaged.parquet").write_bytes(bytes(damaged))
    assert "is no whole Parquet file" in said("cut.parquet")
    assert "is a Parquet file: say --format parquet." in said("named.csv")
    assert "It is damaged: write or copy it anew." in said("damaged.parquet")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    """Its fingerprint would be of another file than its quantiles."""
    file = tmp_path / "growing.csv"
    file.write_text(GOOD)

    def grow(what, _share):
        if what == "Reading":
            file.write_text(GOOD + "1,2,a\n")

    with pytest.raises(UnusableFileError, match="was changed while it was read"):
        build(BuildOptions(file=file), "m", "", grow)


def test_what_looks_odd_and_is_fine(made):
    """A byte order mark, quoted cells over lines, blanks around numbers, NA as a number that is none and as a name."""
    text = '\ufeffx;region;note\n 1 ;NA;"a;\nb"\nNA;EU;c\n3e0;NA;\n' + "4;EU;d\n" * 97
    reference = made(text, written="csv", delimiter=";")
    x, region, note = reference.features
    assert (x.name, x.null_share, x.quantiles[0], x.quantiles[-1]) == ("x", 0.01, 1.0, 4.0)
    assert region.categories == {"EU": 0.98, "NA": 0.02}
    assert note.categories["a;\nb"] == 0.01
    assert note.null_share == 0.01


def test_a_column_over_many_blocks(made, monkeypatch):
    """Rows keep their numbers where a file is longer than what is read at once."""
    monkeypatch.setattr(csv_file, "_BLOCK_BYTES", 200)
    monkeypatch.setattr(csv_file, "_MOST_BATCH_ROWS", 3)
    assert (
        made(GOOD, written="csv").features[0].quantiles == np.quantile(np.arange(99), np.linspace(0, 1, 101)).tolist()
    )
    assert "Row 91 has 'ninety' in column 'x'" in refused(made, GOOD.replace("90,", "ninety,"))


def test_the_command_refuses_before_it_asks_anybody(tmp_path):
    """Without ClickHouse a bad file and a bad option are what is told."""
    from click.testing import CliRunner

    file = tmp_path / "training.csv"
    file.write_text(GOOD)
    run = CliRunner().invoke
    assert "no column 'q'" in run(verb, ["build", "--model", "m", "--from", str(file), "--score", "q"]).output
    bad = run(verb, ["build", "--model", "m", "--from", str(file), "--delimiter", "ab"])
    assert bad.exit_code == 2
    assert "one character, or the word tab" in bad.output
    assert run(verb, ["build", "--model", " ", "--from", str(file)]).exit_code == 2
    good = run(verb, ["build", "--model", "m", "--from", str(file), "--score", "p", "--label", "y", "--dry-run"])
    assert good.exit_code == 0
    assert "labels: a 50.5%, b 49.5%" in good.output


@pytest.mark.parametrize("package", ["pyarrow", "numpy"])
def test_a_package_that_is_not_installed_is_named(tmp_path, package):
    """Where only the API's packages are, building says which are missing; the other commands need none of them."""
    file = tmp_path / "training.csv"
    file.write_text(GOOD)
    without = f"""
import sys
sys.modules[{package!r}] = None
from services.monitoring_api.reference.verbs import reference
reference(["build", "--model", "m", "--from", {str(file)!r}, "--dry-run"])
"""
    done = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Error: Building a reference needs " in done.stderr
    assert package in done.stderr
    assert "Traceback" not in done.stderr
