"""`sightglass reference`, as a command, on a real embedded ClickHouse as the maintainer."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.integration.test_kept_traces import statement
from tests.integration.test_monitoring_api import Processes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
ROWS = 20_000
COUNT = "SELECT count() FROM model_references"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """ClickHouse with the schema."""
    processes = Processes(tmp_path_factory.mktemp("reference"))
    try:
        processes.start_clickhouse()
        processes.migrate()
        yield processes
    finally:
        processes.stop()


@pytest.fixture
def table():
    """Training rows with a score each."""
    random = np.random.default_rng(1)
    late = random.random(ROWS) < 0.3
    return pa.table(
        {
            "distance": random.normal(1000, 200, ROWS),
            "carrier": random.choice(["UA", "AA", "DL"], ROWS),
            "late": np.where(late, "late", "on_time"),
            "score": random.random(ROWS),
        }
    )


def reference(running, *arguments, **environment):
    """Run `sightglass reference`: its exit code, and what it wrote to standard output and error."""
    done = subprocess.run(
        [sys.executable, "-m", "sightglass", "reference", *map(str, arguments)],
        env=running.env | environment,
        cwd=running.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_reference_is_built_replaced_and_listed(running, table, tmp_path):
    """A file of either format becomes a document and score bins; running again replaces them; `list` shows one."""
    file = tmp_path / "training.parquet"
    pa.parquet.write_table(table, file)
    options = ("--model", "built", "--version", "v1", "--score", "score", "--label", "late")
    code, written, told = reference(running, "build", *options, "--from", file, "--json")
    assert (code, told) == (0, "")
    made = json.loads(written)
    assert (made["task"], made["rows"], made["score_edges"], made["stored"]) == ("binary", ROWS, 4096, True)
    assert [feature["name"] for feature in made["features"]] == ["distance", "carrier"]
    assert made["findings"] == []

    bins = "SELECT length(Edges), MadeFrom, arraySort(Edges) = Edges FROM score_bins FINAL WHERE ModelName = 'built'"
    assert statement(running, bins).split() == ["4096", "reference", "1"]
    document = "SELECT JSONExtractUInt(Document, 'rows'), Task FROM model_references FINAL WHERE ModelName = 'built'"
    assert statement(running, document).split() == [str(ROWS), "binary"]

    again = tmp_path / "again.csv"
    pa.csv.write_csv(table.slice(0, 3_000), again)
    code, written, _ = reference(running, "build", *options, "--from", again)
    assert code == 0, written
    assert written.startswith("built v1: 3,000 rows, 2 features, 3,000 score bins, task binary\n")
    assert written.endswith(
        "nothing to complain of: no constant, copied, leaking or empty column, no row twice\nStored.\n"
    )
    assert statement(running, bins).split() == ["3000", "reference", "1"]
    code, written, _ = reference(running, "list", "--json")
    (listed,) = [each for each in json.loads(written)["references"] if each["model"] == "built"]
    assert (code, listed["rows"], listed["score_bins"], listed["source"]["file"]) == (0, 3_000, 3_000, "again.csv")
    code, written, _ = reference(running, "list")
    assert code == 0
    assert "built v1  binary  3,000 rows, 2 features, 3,000 score bins, 0 findings; file again.csv, 20" in written


def test_what_cannot_be_used_changes_nothing(running, table, tmp_path):
    """A bad file, a dry run and a ClickHouse that is away: a sentence, the right exit code, and no row."""
    before = statement(running, COUNT)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    pa.csv.write_csv(table, good)
    lines = good.read_text().splitlines()
    lines[7_000] = lines[7_000].rsplit(",", 1)[0] + ",n0ne"
    bad.write_text("\n".join(lines) + "\n")

    code, written, told = reference(running, "build", "--model", "m", "--from", bad, "--score", "score")
    assert (code, written) == (1, "")
    assert "Row 7,000 has 'n0ne' in column 'score', which is no number, and scores are" in told
    code, _, told = reference(running, "build", "--model", "m", "--from", good, "--score", "scores")
    assert code == 1
    assert "has no column 'scores'; its columns are: distance, carrier, late, score." in told

    code, written, _ = reference(running, "build", "--model", "m", "--from", good, "--score", "score", "--dry-run")
    assert code == 0
    assert written.endswith("Nothing was stored (--dry-run).\n")

    away = {"SIGHTGLASS_MAINTENANCE_CLICKHOUSE_URL": "http://127.0.0.1:1"}
    code, _, told = reference(running, "build", "--model", "m", "--from", good, "--score", "score", **away)
    assert code == 1
    assert "ClickHouse can't be reached" in told
    assert "Traceback" not in told
    assert statement(running, COUNT) == before


def test_cards_are_taken_over_once_and_never_in_place_of_a_file(running, table, tmp_path):
    """A card becomes a reference; again it is there already; what was built from a file stays."""
    card = {
        "name": "carded",
        "version": "v1",
        "task": "binary",
        "labels": ["late", "on_time"],
        "positive_label": "late",
        "features": [{"name": "distance", "type": "number", "null_share": 0.0, "quantiles": [1.0, 2.0], "unit": "mi"}],
        "training": {"rows": 10, "positive_share": 0.25, "data": "flights"},
        "scores": {"quantiles": [0.1, 0.9], "mean": 0.5, "positive_ratio": 0.2, "bins": [0.1, 0.5, 0.9]},
    }
    file = tmp_path / "card.json"
    file.write_text(json.dumps(card))
    assert reference(running, "card", file) == (0, "carded v1: stored\n", "")
    assert reference(running, "card", tmp_path) == (0, "carded v1: there already\n", ""), "a folder is looked through"
    assert reference(running, "card", tmp_path / "data")[0] == 1
    bins = "SELECT Edges, MadeFrom FROM score_bins FINAL WHERE ModelName = 'carded'"
    assert statement(running, bins).split("\t") == ["[0.1,0.5,0.9]", "reference"]

    training = tmp_path / "training.parquet"
    pa.parquet.write_table(table, training)
    build = ("build", "--model", "carded", "--version", "v1", "--from", training, "--score", "score")
    assert reference(running, *build)[0] == 0
    file.write_text(json.dumps(card | {"task": "multiclass"}))
    assert reference(running, "card", file) == (0, "carded v1: there already\n", "")
    assert statement(running, bins.replace("Edges,", "length(Edges),")).split() == ["4096", "reference"]

    file.write_text("[]")
    code, _, told = reference(running, "card", file)
    assert code == 1
    assert "is no model card" in told
