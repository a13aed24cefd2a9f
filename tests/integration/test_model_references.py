"""`sightglass up` leaves nobody without a reference."""

import json
import socket

import pytest

from services.cli.model_references import register_references
from services.ml_api.model_store import MODEL_NAME
from tests.integration.stack import trained_models

pytestmark = pytest.mark.integration

SERVED = {"processes": [{"name": "clickhouse"}, {"name": "monitoring-api"}]}
STORED = "SELECT ModelVersion, Rows, Task, ScoreEdges FROM model_references FINAL WHERE ModelName = 'flight-delay'"
BINS = "SELECT Edges, MadeFrom FROM score_bins FINAL WHERE ModelName = 'flight-delay'"


def test_up_stores_the_reference_of_each_known_version(stack):
    """After `up` the active version's card is there, with its bins; a second `up` stores nothing more."""
    (listed,) = json.loads(stack.cli("models", "list", "--json").stdout)["models"]
    card = json.loads((stack.data_dir / "models" / MODEL_NAME / listed["active"] / "card.json").read_text())
    stored = {version: (rows, task, edges) for version, rows, task, edges in stack.clickhouse(STORED)}
    assert stored[listed["active"]] == (card["training"]["rows"], "binary", card["scores"]["bins"])
    assert stack.clickhouse(BINS) == [(card["scores"]["bins"], "reference")]

    before = stack.clickhouse("SELECT count(), max(CreatedAt) FROM model_references")
    again = stack.cli("up")
    assert again.returncode == 0, again.stdout
    assert "trained on" not in again.stdout
    assert stack.clickhouse("SELECT count(), max(CreatedAt) FROM model_references") == before


def test_without_clickhouse_it_is_told_and_nobody_is_stopped(tmp_path, monkeypatch):
    """Where ClickHouse went away, or lacks the table, there is a line that says so, and no exception."""
    (tmp_path / "models").symlink_to(trained_models())
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "clickhouse-maintainer.password").write_text("secret\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SIGHTGLASS_CLICKHOUSE_PORT", str(taken.getsockname()[1]))
        told = []
        register_references(tmp_path, SERVED, told.append)
    (line,) = told
    assert line.startswith("What the models were trained on is not stored: ClickHouse can't be reached")
    assert "`sightglass up` tries again" in line


def test_a_stack_that_shows_nothing_is_left_alone(tmp_path):
    """Without the monitoring API nothing is stored, and nobody is told of it."""
    told = []
    register_references(tmp_path, {"processes": [{"name": "clickhouse"}]}, told.append)
    register_references(tmp_path, SERVED, told.append)  # and without a model there is nothing to store
    assert told == []
