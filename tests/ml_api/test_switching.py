"""Which version has which part: the store says it, every process follows, one of them records it."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.ml_api.assignment import Assignment
from services.ml_api.model_store import MODEL_NAME, ModelBrokenError, ModelStore
from services.ml_api.serving import Serving


@pytest.fixture
def store(versions):
    """A store with two versions."""
    return ModelStore(versions[0])


def worker_on(store, taken=lambda _: None):
    """Another process that follows the store, and has looked once."""
    worker = Serving(store.folder.parent, MODEL_NAME, shadow_taken=taken)
    worker.look()
    return worker


def switches(telemetry):
    """Version, version before, reason and variant of each switch recorded."""
    named = ("ml.model.version", "ml.model.previous_version", "ml.model.switch.reason", "ml.variant")
    records = [each.log_record for each in telemetry.records if each.log_record.event_name == "ml.model.switch"]
    return [tuple(record.attributes.get(name) for name in named) for record in records]


def test_an_assignment_remembers_where_a_rollback_goes():
    """Switching to the same version again is no switch, and the history has an end."""
    first = Assignment(version="a")
    assert first.switched_to("a", "promote") is first
    assert first.rolled_back() is None
    second = first.switched_to("b", "promote")
    assert (second.number, second.previous, second.before) == (1, "a", ("a",))
    back = second.rolled_back()
    assert (back.version, back.number, back.reason, back.before) == ("a", 2, "rollback", ())
    long = first
    for number in range(100):
        long = long.switched_to(str(number), "promote")
    assert (len(long.before), long.before[-1]) == (50, "98")


def test_a_file_of_before_there_was_a_history_is_read(store):
    """An older active.json names its version only."""
    (store.folder / "active.json").write_text('{"version": "0123456789ab"}')
    assert store.active() == "0123456789ab"


def test_two_processes_that_switch_at_once_lose_nothing(store, versions):
    """Every one of many switches at once is counted, and the file is whole at any time."""
    _, active, other = versions
    names = [other, active] * 20
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store.activate, names))
    assignment = store.assignment("champion")
    assert assignment.version in {active, other}
    assert len(assignment.before) == min(50, assignment.number)
    assert not list(store.folder.glob("*.partial"))


def test_a_switch_is_recorded_once_by_whoever_sees_it_first(telemetry, store, versions):
    """Three processes follow a promotion, a rollback and a shadow; each leaves one event. The first model is none."""
    _, active, other = versions
    workers = [worker_on(store) for _ in range(3)]
    store.activate(other)
    for worker in workers:
        worker.look()
        assert worker.load().model.version == other
    store.roll_back()
    for worker in workers:
        worker.look()
    store.set_shadow(other)
    for worker in [*workers, worker_on(store)]:
        worker.look()
    assert switches(telemetry) == [
        (other, active, "promote", "champion"),
        (active, other, "rollback", "champion"),
        (other, None, "shadow", "shadow"),
    ]


def test_a_promotion_over_http_is_recorded_once_too(telemetry, store, versions):
    """The process that promoted records it, and the others do not again."""
    _, active, other = versions
    first, second = worker_on(store), worker_on(store)
    assert first.promote(other) == active
    second.look()
    assert second.load().model.version == other
    assert switches(telemetry) == [(other, active, "promote", "champion")]


@pytest.mark.parametrize("file", ["model.onnx", "card.json"])
def test_an_artefact_that_is_not_what_its_version_says_is_refused(store, versions, caplog, file):
    """Files of the active version are overwritten: the one in memory goes on, the reason is shown and logged once."""
    worker = worker_on(store)
    path = store.folder / versions[1] / file
    good = path.read_bytes()
    path.write_bytes(b"{}")
    served = worker.load()
    for _ in range(3):
        worker.look()
    assert worker.load() is served
    (problem,) = worker.problems()
    assert str(versions[1]) in problem
    assert len([line for line in caplog.records if "is not used" in line.getMessage()]) == 1
    path.write_bytes(good)
    worker.look()
    assert worker.problems() == []
    assert worker.load() is not served


def test_a_version_under_another_s_name_is_refused(store, versions):
    """A folder that was copied to another name is not that version."""
    shutil.copytree(store.folder / versions[1], store.folder / "0123456789ab")
    with pytest.raises(ModelBrokenError, match="not what its version says"):
        store.load("0123456789ab")


@pytest.mark.parametrize("content", ["", "[]", '{"version": 7}', "\x00", json.dumps({"number": 1})])
def test_a_damaged_active_file_changes_nothing_and_can_be_mended(store, versions, content):
    """What is served goes on; activating a version writes the file anew."""
    worker = worker_on(store)
    (store.folder / "active.json").write_text(content)
    worker.look()
    assert worker.load().model.version == versions[1]
    assert "damaged" in worker.problems()[0]
    store.activate(versions[2])
    worker.look()
    assert worker.load().model.version == versions[2]
    assert worker.problems() == []


def test_a_replaced_weather_table_is_read_again(store):
    """Another weather file reaches the predictor without a restart."""
    worker = worker_on(store)
    assert len(worker.load().weather) > 0
    store.weather_path.unlink()
    worker.look()
    assert len(worker.load().weather) == 0


def test_the_shadow_comes_goes_and_never_is_the_champion(store, versions):
    """It is handed over when it is set, and taken away when it is promoted or switched off."""
    _, active, other = versions
    taken = []
    worker = worker_on(store, lambda predictor: taken.append(predictor and predictor.model.version))
    store.set_shadow(other)
    worker.look()
    store.set_shadow(None)
    worker.look()
    store.set_shadow(other)
    worker.look()
    worker.promote(other)
    assert taken == [other, None, other, None]
    store.roll_back()
    worker.look()
    assert worker.load().model.version == active
    assert taken[-1] == other
