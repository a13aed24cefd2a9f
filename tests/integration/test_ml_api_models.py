"""Versions that change while real worker processes serve: without a restart, in all of them, recorded once."""

import json
import shutil
from collections import Counter

import httpx
import pytest

from services.ml_api.model_store import MODEL_NAME, ModelStore
from tests.integration.ml_api import running, two_versions
from tests.sightglass.receiver import plain, running_receiver

pytestmark = pytest.mark.integration

WORKERS = 2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A models folder with two versions, and their names: the active one first."""
    return two_versions(tmp_path_factory.mktemp("made"))


@pytest.fixture
def data_dir(made, tmp_path):
    """A data folder with both versions."""
    shutil.copytree(made[0], tmp_path / "models")
    return tmp_path


@pytest.fixture
def receiver():
    """Where telemetry goes."""
    with running_receiver() as receiver:
        yield receiver


def all_answer_with(service, version):
    """Wait until only this version answers, whichever worker it is."""
    service.poll(lambda: {service.predict().json()["model"]["version"] for _ in range(12)} == {version})


def switches(receiver):
    """Version, version before, reason and variant of each switch that was recorded."""
    named = ("ml.model.version", "ml.model.previous_version", "ml.model.switch.reason", "ml.variant")
    return [
        tuple(plain(record.attributes).get(name) for name in named) for record in receiver.events("ml.model.switch")
    ]


def test_the_command_line_switches_every_worker_and_one_records_it(data_dir, receiver, made):
    """Promote, roll back and promote over HTTP reach both workers; each leaves one event, in this order."""
    _, active, other = made
    with running(data_dir, receiver.url, workers=WORKERS) as service:
        service.models("promote", other)
        all_answer_with(service, other)
        assert json.loads(service.models("rollback", "--json").stdout)["active"] == active
        all_answer_with(service, active)
        answer = httpx.post(f"{service.url}/v1/models/{MODEL_NAME}/promote", json={"version": other})
        assert answer.status_code == 200, answer.text
        all_answer_with(service, other)
        assert service.stop()[0] == 0
    assert sorted(switches(receiver)) == sorted(
        [
            (other, active, "promote", "champion"),
            (active, other, "rollback", "champion"),
            (other, active, "promote", "champion"),
        ]
    )


def test_a_shadow_is_switched_on_and_off_in_every_worker(data_dir, receiver, made):
    """While it is on, each prediction of each worker has its pair in the same trace; when it is off, none has."""
    _, active, other = made
    with running(data_dir, receiver.url, workers=WORKERS) as service:
        service.models("shadow", other)
        parts = service.poll(lambda: service.get("/v1/models").json()["models"][0], lambda entry: entry["shadow"])
        assert (parts["active"], parts["shadow"]) == (active, other)
        # Every worker has looked by then: each answer of many in a row has its pair.
        pairs = service.poll(lambda: pairs_of_a_batch(service, receiver), lambda pairs: pairs == (20, 20))
        assert pairs == (20, 20)
        service.models("shadow", "--off")
        service.poll(lambda: pairs_of_a_batch(service, receiver), lambda pairs: pairs == (20, 0))
        assert service.stop()[0] == 0
    assert switches(receiver) == [(other, None, "shadow", "shadow")]
    versions = Counter()
    traces = {}
    for record in receiver.events("ml.prediction"):
        told = plain(record.attributes)
        versions[told["ml.variant"], told["ml.model.version"]] += 1
        traces.setdefault(told["ml.prediction.id"], set()).add(record.trace_id)
    assert set(versions) == {("champion", active), ("shadow", other)}
    assert {len(found) for found in traces.values()} == {1}


def pairs_of_a_batch(service, receiver):
    """Predictions of 20 connections that arrived, of the champion and of the shadow."""
    asked = {service.predict().json()["prediction_id"] for _ in range(20)}

    def arrived(variant):
        told = [plain(record.attributes) for record in receiver.events("ml.prediction")]
        return sum(each["ml.prediction.id"] in asked and each["ml.variant"] == variant for each in told)

    # Shadow events leave with the same exports as the champion's, or the next: those of a later answer.
    receiver.wait_for(lambda: arrived("champion") == len(asked))
    marker = service.predict().json()["prediction_id"]
    receiver.wait_for(
        lambda: any(plain(r.attributes)["ml.prediction.id"] == marker for r in receiver.events("ml.prediction"))
    )
    return arrived("champion"), arrived("shadow")


def test_an_artefact_that_was_overwritten_is_refused_until_it_is_whole_again(data_dir, receiver, made):
    """The version in memory goes on answering, /readyz and /v1/models say what is wrong, and so does the log."""
    _, active, _ = made
    path = ModelStore(data_dir / "models").folder / active / "model.onnx"
    good = path.read_bytes()

    def problems():
        answers = [service.get("/readyz").json() for _ in range(8)]
        assert {answer["model"]["version"] for answer in answers} == {active}
        return [answer["problems"] for answer in answers]

    def warnings():
        return [line for line in service.lines() if "not what its version says" in line]

    with running(data_dir, receiver.url, workers=WORKERS) as service:
        # A worker that has yet to load it would never get it.
        service.poll(lambda: len([line for line in service.lines() if f" {active} is " in line]) == WORKERS)
        path.write_bytes(b"damaged")
        # Eight answers can all be one worker's.
        service.poll(warnings, lambda found: len(found) == WORKERS)
        found = service.poll(problems, all)
        assert active in found[0][0]
        assert service.get("/v1/models").json()["models"][0]["problems"] == found[0]
        assert service.predict().json()["model"]["version"] == active
        assert len(warnings()) == WORKERS
        path.write_bytes(good)
        service.poll(problems, lambda found: not any(found))
        assert service.predict().status_code == 200
        assert service.stop()[0] == 0
    assert switches(receiver) == []
