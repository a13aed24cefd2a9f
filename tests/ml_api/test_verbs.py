"""`sightglass models`."""

import json

import pytest
from click.testing import CliRunner

from services.ml_api import making
from services.ml_api.verbs import commands


@pytest.fixture
def run(monkeypatch, tmp_path, cache_folder):
    """Runs `sightglass models ...` on a temporary data folder, training on every 200th flight."""
    make_model = making.make_model

    def quick(models_dir, *, activate, **_arguments):
        return make_model(models_dir, cache_folder=cache_folder, activate=activate, every=200)

    monkeypatch.setattr(making, "make_model", quick)
    monkeypatch.setenv("SIGHTGLASS_DATA_DIR", str(tmp_path))
    (models,) = commands

    def invoke(*arguments):
        result = CliRunner().invoke(models, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    return invoke


def test_before_and_after_training(run):
    """`list` names the command that makes a model; `train` prints its metrics; `list` then marks it active."""
    assert "sightglass models train" in run("list")
    assert json.loads(run("list", "--json"))["models"] == []
    printed = run("train")
    for expected in ("2013-10", "2013-11", "2013-12", "ROC AUC", "log loss", "Brier"):
        assert expected in printed
    assert run("list").startswith("* flight-delay")


def test_json(run):
    """Both verbs speak JSON, and a version that was not activated is not active."""
    trained = json.loads(run("train", "--json", "--no-activate"))
    assert set(trained["metrics"]) == {"2013-10", "2013-11", "2013-12"}
    (model,) = json.loads(run("list", "--json"))["models"]
    assert model["active"] is None
    assert [version["version"] for version in model["versions"]] == [trained["version"]]
    assert model["versions"][0]["active"] is False


def test_training_again_changes_nothing(run):
    """The same data gives the same version: one entry."""
    first = json.loads(run("train", "--json"))["version"]
    assert json.loads(run("train", "--json"))["version"] == first
    (model,) = json.loads(run("list", "--json"))["models"]
    assert len(model["versions"]) == 1
