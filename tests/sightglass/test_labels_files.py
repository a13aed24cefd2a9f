import os
import sys
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from sightglass.labels.errors import BadRowError, LabelsError
from sightglass.labels.options import LoadOptions
from sightglass.labels.row import Label, read_label
from sightglass.labels.table import open_table
from tests.sightglass.labelled_files import HEADER, TIME, numbered, write_csv, write_parquet

AT = 1_767_225_600_000_000_000


def read(path, after=0, **options):
    """The labels of a file, and why the other rows are none."""
    chosen = LoadOptions(file=path, **options)
    table, _ = open_table(chosen)
    found = []
    for row in table.rows(after):
        try:
            found.append(read_label(row, chosen, typed=table.typed))
        except BadRowError as error:
            found.append(f"{row.place}: {error}")
    return found


def test_csv_as_spreadsheets_write_it(tmp_path):
    """A byte order mark, CRLF, quoted cells, other columns, spaces and blank lines change nothing."""
    path = tmp_path / "labels.csv"
    text = (
        f'\ufeffnote, label ,prediction_id,observed_at\r\n"a, ""b""\nc",late, p1 ,{TIME}\r\n\r\n,on time,p2,{TIME}\r\n'
    )
    path.write_bytes(text.encode())
    assert read(path) == [Label("p1", "late", AT), Label("p2", "on time", AT)]


def test_columns_and_delimiter_are_chosen(tmp_path):
    """Any names and any one character."""
    path = write_csv(tmp_path / "labels.csv", ["late;1767225600;p1"], header="truth;when;id")
    options = {"id_column": "id", "label_column": "truth", "time_column": "when", "delimiter": ";"}
    assert read(path, **options) == [Label("p1", "late", AT)]


@pytest.mark.parametrize(
    ("cell", "value", "as_text"),
    [("1.0", 1.0, "1.0"), ("True", True, "True"), ("17.5", "17.5", "17.5"), ("1", "1", "1"), ("true", "true", "true")],
)
def test_csv_labels_stand_for_what_a_data_frame_wrote(tmp_path, cell, value, as_text):
    """CSV has no types: 1.0 and True become what `record_prediction` makes of 1 and True, unless told otherwise."""
    path = write_csv(tmp_path / "labels.csv", [f"p1,{cell},{TIME}"])
    for options, expected in (({}, value), ({"as_text": True}, as_text)):
        (label,) = read(path, **options)
        assert (type(label.value), label.value) == (type(expected), expected)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f",late,{TIME}", "prediction_id is empty"),
        (f"p1,  ,{TIME}", "label is empty"),
        ("p1,late,", "observed_at is empty"),
        ("p1,late,soon", "observed_at 'soon' is no time; accepted are RFC 3339"),
        ("p1,late", "has 2 cells, and the header 3"),
        (f"p1,late,{TIME},x", "has 4 cells, and the header 3"),
        (f"{'p' * 257},late,{TIME}", "is longer than 256 characters"),
        (f"p1,{'l' * 257},{TIME}", "is longer than 256 characters"),
        (f"p\0,late,{TIME}", "has a NUL"),
    ],
)
def test_a_bad_row_says_where_and_why(tmp_path, row, said):
    """Row and line, the column, what is in it, and what would do; the rows around it are read."""
    path = write_csv(tmp_path / "labels.csv", [f'"p\n0",late,{TIME}', row, f"p2,late,{TIME}"])
    first, bad, last = read(path)
    assert (first.prediction_id, last.prediction_id) == ("p\n0", "p2")
    assert bad.startswith("row 2 (line 4): ")
    assert said in bad


def test_bytes_that_are_not_utf_8_are_named(tmp_path):
    """In a column that is used they make a bad row; in another they do not matter."""
    path = tmp_path / "labels.csv"
    path.write_bytes(f"{HEADER},note\np1,late,{TIME},\xe9\np2,caf\xe9,{TIME},\n".encode("latin-1"))
    good, bad = read(path)
    assert good == Label("p1", "late", AT)
    assert bad == r"row 2 (line 3): label 'caf\udce9' is not UTF-8, or has a NUL: save the file as UTF-8"


@pytest.mark.parametrize("rows", [[f'p0,"late,{TIME}', f"p1,late,{TIME}"], [f'p0,"late"x,{TIME}']])
def test_broken_quoting_is_no_long_cell(tmp_path, rows):
    """A quote that is never closed would swallow rows, so that it ends the reading."""
    with pytest.raises(LabelsError, match=r"row 2 \(line 3\) cannot be read.*written twice"):
        read(write_csv(tmp_path / "labels.csv", [f"p,late,{TIME}", *rows]))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("after", [0, 1, 4, 5, 6, 12, 99])
def test_reading_goes_on_after_any_row(tmp_path, kind, after):
    """The rows after a position are those of the whole, with their own numbers."""
    path = tmp_path / f"labels.{kind}"
    if kind == "csv":
        numbered(path, 13)
    else:
        ids = [f"p{number}" for number in range(13)]
        write_parquet(path, row_group_size=5, prediction_id=ids, label=[0, 1] * 6 + [1], observed_at=[AT // 10**9] * 13)
    options = LoadOptions(file=path)
    table, _ = open_table(options)
    rows = list(table.rows(after))
    assert [row.number for row in rows] == list(range(after + 1, 14))
    assert [row.cells[0] for row in rows] == [f"p{number}" for number in range(after, 13)]
    assert table.share == 1


def test_parquet_keeps_its_types(tmp_path):
    """Text is text, also `1.0` and `True`; numbers and booleans are handed over as such."""
    import pyarrow as pa

    identifier = uuid.uuid4()
    path = write_parquet(
        tmp_path / "labels.parquet",
        prediction_id=pa.array(["a", str(identifier)]).dictionary_encode(),
        label=["1.0", "True"],
        observed_at=pa.array([AT, AT + 1], pa.timestamp("ns", "America/New_York")),
    )
    assert read(path) == [Label("a", "1.0", AT), Label(str(identifier), "True", AT + 1)]
    for values, expected in (
        ([1, 0], [1, 0]),
        ([1.0, 17.5], [1.0, 17.5]),
        ([True, False], [True, False]),
        ([Decimal("1.00"), Decimal("2.50")], [1, "2.5"]),
        ([b"late", "é".encode()], ["late", "é"]),
    ):
        write_parquet(path, prediction_id=[1, 2], label=values, observed_at=[datetime(2026, 1, 1)] * 2)
        labels = read(path)
        assert [(type(label.value), label.value) for label in labels] == [(type(one), one) for one in expected]
        assert [(label.prediction_id, label.observed_at_ns) for label in labels] == [("1", AT), ("2", AT)]


@pytest.mark.parametrize(
    "moment", [TIME, AT // 10**9, AT / 1e9, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), Decimal(AT // 10**9)]
)
def test_parquet_times(tmp_path, moment):
    """Text, numbers, dates and timestamps are one moment."""
    path = write_parquet(tmp_path / "labels.parquet", prediction_id=["a"], label=["b"], observed_at=[moment])
    assert read(path) == [Label("a", "b", AT)]


def test_bad_rows_of_parquet(tmp_path):
    """Null, NaN, floats as ids and values that are no labels are named by row."""
    import pyarrow as pa

    nothing = {"label": ["late"], "observed_at": [TIME]}
    cases = (
        (nothing | {"prediction_id": pa.array([None], pa.string())}, "row 1: prediction_id is empty"),
        (nothing | {"prediction_id": [1.5]}, "row 1: prediction_id 1.5 is neither text nor a whole number"),
        (nothing | {"prediction_id": [b"\xff"]}, "not UTF-8"),
        ({"prediction_id": ["a"], "label": [float("nan")], "observed_at": [TIME]}, "row 1: label is empty"),
        ({"prediction_id": ["a"], "label": [float("inf")], "observed_at": [TIME]}, "nor a finite number"),
        ({"prediction_id": ["a"], "label": [["late"]], "observed_at": [TIME]}, "neither text nor"),
        ({"prediction_id": ["a"], "label": ["late"], "observed_at": [datetime(1950, 1, 1)]}, "before 1971"),
    )
    for columns, said in cases:
        (bad,) = read(write_parquet(tmp_path / "labels.parquet", **columns))
        assert said in bad


def test_an_unknown_column_names_the_known_ones_and_the_option(tmp_path):
    """In both formats, and with a hint at another delimiter."""
    with pytest.raises(
        LabelsError, match=r"no column 'truth'. Its columns are: prediction_id, label, .*--label-column"
    ):
        read(numbered(tmp_path / "a.csv", 1), label_column="truth")
    with pytest.raises(LabelsError, match=r"no column 'prediction_id'. Its columns are: id. .*--id-column"):
        read(write_parquet(tmp_path / "a.parquet", id=["x"]))
    with pytest.raises(LabelsError, match="--delimiter ';'"):
        read(write_csv(tmp_path / "b.csv", [], header="prediction_id;label;observed_at"))
    with pytest.raises(LabelsError, match="more than one column 'label'"):
        read(write_csv(tmp_path / "c.csv", [], header=f"{HEADER},label"))


def test_files_that_cannot_be_read(tmp_path):
    """Each is a sentence that says what to do."""
    parquet = write_parquet(
        tmp_path / "whole.parquet", prediction_id=["a"] * 99, label=["b"] * 99, observed_at=[1] * 99
    )
    content = parquet.read_bytes()
    files = {
        "a.txt": (b"x", "--format csv or --format parquet"),
        "empty.csv": (b"", "is empty"),
        "really.csv": (content, "--format parquet"),
        "cut.parquet": (content[: len(content) // 2], "no whole Parquet file"),
        "text.parquet": (b"prediction_id,label", "no whole Parquet file"),
        "wide.csv": (HEADER.encode("utf-16"), "is UTF-16"),
        "damaged.parquet": (content[:4] + b"\xff" * 40 + content[44:], "cannot be read after row 0"),
    }
    for name, (content_of, said) in files.items():
        (tmp_path / name).write_bytes(content_of)
        with pytest.raises(LabelsError, match=said):
            read(tmp_path / name)
    with pytest.raises(LabelsError, match="does not exist"):
        read(tmp_path / "missing.csv")
    with pytest.raises(LabelsError, match="no ordinary file"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(LabelsError, match="no ordinary file"):
        read(tmp_path / "pipe.csv")


def test_a_format_is_chosen_against_the_ending(tmp_path):
    """`--format` has the last word, and the ending's case does not matter."""
    assert len(read(numbered(tmp_path / "a.txt", 3), format="csv")) == 3
    assert len(read(numbered(tmp_path / "a.CSV", 3))) == 3


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    """The wheel alone reads CSV; Parquet is an extra, named by its pip command."""
    path = write_parquet(tmp_path / "a.parquet", prediction_id=["a"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LabelsError, match=r"pip install 'sightglass-ml\[labels\]'"):
        read(path)
