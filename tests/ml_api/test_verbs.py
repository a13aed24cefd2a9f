"""`sightglass models`."""

import json

import pytest
from click.testing import CliRunner

from services.ml_api import making
from services.ml_api.making import make_model
from services.ml_api.model_store import MODEL_NAME
from services.ml_api.verbs import commands


@pytest.fixture
def run(monkeypatch, tmp_path, cache_folder):
    """Runs `sightglass models ...` on a temporary data folder, training on every 200th flight; `code` is its end."""

    def quick(models_dir, *, activate, **_arguments):
        return make_model(models_dir, cache_folder=cache_folder, activate=activate, every=200)

    monkeypatch.setattr(making, "make_model", quick)
    monkeypatch.setenv("SIGHTGLASS_DATA_DIR", str(tmp_path))
    (models,) = commands

    def invoke(*arguments, code=0):
        result = CliRunner().invoke(models, arguments, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    return invoke


@pytest.fixture
def two(run, tmp_path, cache_folder):
    """The active version and another one."""
    active = json.loads(run("train", "--json"))["version"]
    return active, make_model(tmp_path / "models", cache_folder=cache_folder, activate=False, every=150).card.version


def chosen(run):
    """The active version and the shadow, as `list --json` says."""
    (model,) = json.loads(run("list", "--json"))["models"]
    assert [entry["version"] for entry in model["versions"] if entry["active"]] == [model["active"]]
    return model["active"], model["shadow"]


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


def test_promote_and_roll_back(run, two):
    """Both say which version answers now and which did before, and going back further than there is is an error."""
    active, other = two
    assert json.loads(run("promote", other, "--json")) == {"name": MODEL_NAME, "active": other, "previous": active}
    assert chosen(run) == (other, None)
    assert "answers already" in run("promote", other)
    assert json.loads(run("rollback", "--json")) == {"name": MODEL_NAME, "active": active, "previous": other}
    assert chosen(run) == (active, None)
    assert "was active before" in run("rollback", code=1)
    assert chosen(run) == (active, None)


def test_roll_back_goes_further_each_time(run, two, tmp_path, cache_folder):
    """Three versions one after the other are undone one by one."""
    first, second = two
    third = make_model(tmp_path / "models", cache_folder=cache_folder, activate=False, every=170).card.version
    run("promote", second)
    run("promote", third)
    run("rollback")
    assert chosen(run)[0] == second
    run("rollback")
    assert chosen(run)[0] == first


def test_what_can_not_answer_is_not_promoted(run, two, tmp_path):
    """An unknown version and one whose bytes are not what its name says are refused with a sentence."""
    active, other = two
    assert "models list" in run("promote", "000000000000", code=1)
    (tmp_path / "models" / MODEL_NAME / other / "model.onnx").write_bytes(b"damaged")
    assert "not what its version says" in run("promote", other, code=1)
    assert "not what its version says" in run("shadow", other, code=1)
    assert chosen(run) == (active, None)


def test_shadow(run, two):
    """A shadow is set, shown, and taken away; the version that answers can't be its own."""
    active, other = two
    assert json.loads(run("shadow", other, "--json")) == {"name": MODEL_NAME, "shadow": other}
    assert chosen(run) == (active, other)
    assert f"s {MODEL_NAME} {other}" in run("list")
    assert "its own shadow" in run("shadow", active, code=1)
    assert json.loads(run("shadow", "--off", "--json")) == {"name": MODEL_NAME, "shadow": None}
    assert chosen(run) == (active, None)
    assert "--off" in run("shadow", code=2)


def test_a_promoted_shadow_is_a_shadow_no_more(run, two):
    """A version can't be its own shadow, so a promotion ends its days as one."""
    _, other = two
    run("shadow", other)
    run("promote", other)
    assert chosen(run) == (other, None)


@pytest.mark.parametrize("words", [("rollback",), ("shadow", "--off")])
def test_without_any_model_the_way_out_is_told(run, tmp_path, monkeypatch, words):
    """No folder yet: what to run, instead of the system's error number."""
    monkeypatch.setenv("SIGHTGLASS_ML_API_MODELS_DIR", str(tmp_path / "none"))
    told = run(*words, code=1)
    assert "sightglass models train" in told
    assert "Errno" not in told


def test_what_changes_which_version_answers_is_written_down(run, two, tmp_path):
    """train, promote, rollback and shadow stand in the audit log, also when they failed; looking does not."""
    _, other = two
    run("list")
    run("promote", other)
    run("promote", "000000000000", code=1)
    run("rollback")
    run("shadow", other)
    run("shadow", "--off")
    lines = [json.loads(line) for line in (tmp_path / "audit" / "cli.jsonl").read_text().splitlines()]
    assert [(line["action"], line["target"], line["outcome"]) for line in lines] == [
        ("model.train", f"{MODEL_NAME}/active", "ok"),
        ("model.promote", f"{MODEL_NAME}/{other}", "ok"),
        ("model.promote", f"{MODEL_NAME}/000000000000", "failed"),
        ("model.rollback", MODEL_NAME, "ok"),
        ("model.shadow", f"{MODEL_NAME}/{other}", "ok"),
        ("model.shadow", f"{MODEL_NAME}/none", "ok"),
    ]
    assert {line["actor"].partition(":")[0] for line in lines} == {"local"}
