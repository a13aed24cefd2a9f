"""The demo's incidents: planted, recorded, mended, without a stack."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import click
import psutil
import pytest
import yaml

from dashboard.states.history import HistoryState
from dashboard.states.models import ModelsState
from dashboard.states.pipeline import PipelineState
from dashboard.states.traces import TracesState
from services.cli.demo.clock import FlightClock
from services.cli.demo.incidents.bad_version import turned_round
from services.cli.demo.incidents.incident import Question, Scene
from services.cli.demo.incidents.live import check_running, needed_environment
from services.cli.demo.incidents.record import mend, plant, read_record
from services.cli.demo.incidents.registry import INCIDENTS
from services.cli.demo.ledger import Ledger
from services.cli.demo.schedule import Schedule
from services.cli.demo.traffic import Traffic
from services.ml_api.faults import Faults
from services.ml_api.features import FlightPlan
from services.ml_api.flights import Flight
from services.ml_api.making import make_model
from services.ml_api.model_store import ModelStore
from services.ml_api.scoring import Predictor
from services.ml_api.weather import WeatherTable
from tests.ml_api.conftest import wait_until

RULES = Path(__file__).parents[3] / "deploy" / "alerting" / "rules.yaml"
STATES = {"history": HistoryState, "models": ModelsState, "pipeline": PipelineState, "traces": TracesState}
NOW = 1_700_000_000.0
DAY = datetime(2013, 12, 9)


@dataclass
class Timetable:
    """A flight each ten minutes, of these carriers in turn."""

    asked: list = field(default_factory=list)

    def between(self, start, end):
        """As FlightTable does."""
        self.asked.append((start, end))
        at = start.replace(minute=0, second=0, microsecond=0)
        while at < end:
            if at >= start:
                plan = FlightPlan("UA", "EWR", "ORD", 719.0, at)
                yield Flight(f"{at.isoformat()}/UA/1/EWR", plan, 1, None, at, at + timedelta(hours=2), "late")
            at += timedelta(minutes=10)


class MlApi:
    """Answers every request, and remembers its flights."""

    def __init__(self):
        self.flights = []

    def post(self, path, json, headers):  # noqa: ARG002 - as httpx.Client has it
        """One answer."""
        if "features" in json:
            self.flights.append(json["features"]["sched_dep"])
        return self

    def raise_for_status(self):
        """All is well."""

    def json(self):
        """The answer's body."""
        return {"prediction_id": f"p{len(self.flights)}"}


@pytest.fixture
def scene(tmp_path):
    """A data folder, and live traffic to an ML API that answers everything."""
    ml_api = MlApi()
    ledger = Ledger(tmp_path / "demo" / "ledger.sqlite")
    ledger.record_served(covered_until=NOW, coming=None)
    traffic = Traffic(Schedule(Timetable(), FlightClock(NOW - 1200)), ledger, ml_api)
    return Scene(tmp_path, tmp_path / "models", traffic), ml_api


@pytest.mark.parametrize("name", list(INCIDENTS))
def test_each_names_a_rule_of_the_starter_pack_and_a_page(name):
    """What it says will fire is a rule that a fresh installation has."""
    story = INCIDENTS[name].story
    document = yaml.safe_load(RULES.read_text())
    assert story.alert in {rule["alert"] for group in document["groups"] for rule in group["rules"]}
    assert story.name == name
    assert story.page.split("?")[0] in {"traces", "models", "predictions", "logs", "pipeline", "history"}


@pytest.mark.parametrize("name", ["slow-weather", "missing-weather"])
def test_trouble_with_the_weather_is_a_file_that_comes_and_goes(scene, name):
    """The ML API is told by its file of faults; mending takes the file away, as often as one likes."""
    there, _ = scene
    document = plant(INCIDENTS[name], there, NOW, "http://dashboard")
    fault = Faults.model_validate_json(there.faults_file.read_text()).weather
    assert fault.delay_seconds > 0
    assert fault.fails is (name == "missing-weather")
    assert document["page"].startswith("http://dashboard/traces?")
    assert {**document, "mending": {}} == read_record(there.data_dir)
    assert [mend(there), mend(there)] == [name, None]
    assert not there.faults_file.exists()


def test_few_flights_are_asked_about_until_it_is_mended(scene):
    """Of the flights a small part is sent; none that was left out is made up for later."""
    there, ml_api = scene
    plant(INCIDENTS["traffic-drop"], there, NOW, "")
    assert there.traffic.catch_up(NOW + 3600)
    during = len(ml_api.flights)
    assert 0 < during < 20
    mend(there)
    assert there.traffic.catch_up(NOW + 4200)
    assert 20 < len(ml_api.flights) - during < 30, "ten minutes are four hours of flights"


def test_the_storm_is_shown_now_and_the_clock_is_what_it_was_after(scene):
    """Live flights are those of 10 December from 06:00 on; mended, those that the demo's clock shows."""
    there, ml_api = scene
    own = there.traffic.schedule.clock
    plant(INCIDENTS["storm"], there, NOW, "")
    assert there.traffic.catch_up(NOW + 600)
    assert ml_api.flights[0].startswith("2013-12-10T06")
    assert ml_api.flights[-1].startswith("2013-12-10T09")
    mend(there)
    assert there.traffic.schedule.clock == own
    assert there.traffic.catch_up(NOW + 700)
    assert ml_api.flights[-1] < own.flight_time(NOW + 700)[0].isoformat() < "2013-12-09"


def test_a_killed_demo_is_mended_by_the_next_one(scene):
    """What mending needs is in the record, and live traffic is not."""
    there, _ = scene
    for name in ("storm", "traffic-drop", "slow-weather"):
        plant(INCIDENTS[name], there, NOW, "")
        assert mend(Scene(there.data_dir, there.models_dir)) == name
        assert read_record(there.data_dir) is None


def test_the_collector_is_frozen_and_goes_on(tmp_path):
    """Its process is stopped, not killed; mending lets it go on, unless its id is another process's by now."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        try:
            entry = {"name": "collector", "pid": process.pid, "create_time": psutil.Process(process.pid).create_time()}
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "state.json").write_text(json.dumps({"processes": [entry]}))
            incident, there = INCIDENTS["collector-outage"], Scene(tmp_path, tmp_path)
            planted = incident.plant(there, NOW)
            wait_until(lambda: status(process) == psutil.STATUS_STOPPED)
            incident.mend(there, {**planted, "create_time": planted["create_time"] - 100})
            assert status(process) == psutil.STATUS_STOPPED
            incident.mend(there, planted)
            wait_until(lambda: status(process) != psutil.STATUS_STOPPED)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    incident.mend(there, planted)


def test_a_stack_that_runs_without_the_setting_is_told_of(tmp_path):
    """The ML API plants faults only where it was started for that; an incident that needs none does not ask."""
    needed = needed_environment(INCIDENTS["slow-weather"], tmp_path)
    (tmp_path / "run").mkdir()
    for environment in (os.environ, needed):
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        with subprocess.Popen(command, env=dict(environment)) as process:
            state = {"processes": [{"name": "ml-api", "pid": process.pid}]}
            (tmp_path / "run" / "state.json").write_text(json.dumps(state))
            try:
                check_running(INCIDENTS["storm"], tmp_path)
                if environment is needed:
                    check_running(INCIDENTS["slow-weather"], tmp_path)
                else:
                    with pytest.raises(click.ClickException, match="SIGHTGLASS_ML_API_FAULTS_FILE"):
                        check_running(INCIDENTS["slow-weather"], tmp_path)
            finally:
                process.kill()


def test_without_a_collector_it_says_so(tmp_path):
    """A Collector of somebody else's can't be frozen."""
    with pytest.raises(RuntimeError, match="No Collector"):
        INCIDENTS["collector-outage"].plant(Scene(tmp_path, tmp_path), NOW)


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory):
    """A models folder with one small model."""
    folder = tmp_path_factory.mktemp("models")
    make_model(folder, every=40)
    return folder


def test_the_bad_version_is_wrong_for_one_carrier_only(models_dir):
    """Of that carrier every decision is the other one; of all others every score is the same."""
    good = ModelStore(models_dir).load()
    bad = turned_round(good, "EV")
    assert bad.card.version != good.card.version
    plans = [
        FlightPlan(carrier, origin, "ORD", 719.0, DAY + timedelta(hours=hour))
        for carrier in ("EV", "DL", "ZZ")
        for origin in ("EWR", "LGA")
        for hour in range(6, 22)
    ]
    before, after = (
        Predictor(each.card, each.model_bytes, WeatherTable({}, each.card.fallback)).predict_many(plans)
        for each in (good, bad)
    )
    for plan, right, wrong in zip(plans, before, after, strict=True):
        if plan.carrier == "EV":
            assert right.positive is not wrong.positive
            assert 0 <= wrong.score <= 1
        else:
            assert right.score == wrong.score


def test_it_is_promoted_with_the_good_one_in_its_shadow_and_rolled_back(models_dir, tmp_path):
    """Mending brings back both parts, and leaves alone what somebody else has chosen meanwhile."""
    store = ModelStore(models_dir)
    good = store.active()
    there = Scene(tmp_path, models_dir)
    incident = INCIDENTS["bad-version"]
    planted = incident.plant(there, NOW)
    assert (store.active(), store.shadow()) == (planted["version"], good)
    incident.mend(there, planted)
    assert store.chosen() == (good, None)
    incident.mend(there, {**planted, "version": "another", "before": "other"})
    assert store.chosen() == (good, None)
    assert store.assignment("champion").reason == "rollback"


def test_a_question_knows_its_cause():
    """A finding names it by field and value, alone or together with something else; nothing else does."""
    asked = Question("traces/slow/explain", {}, ("origin",), "EWR")
    cause = {"kind": "feature", "field": "origin", "value": "EWR"}
    assert asked.names(cause)
    assert asked.names({"field": None, "parts": [{"field": "carrier", "value": "DL"}, cause]})
    assert not asked.names({"field": "origin", "value": "JFK"})
    assert not asked.names({"field": "wind_speed", "range": [1, None]})


def status(process):
    """How the kernel has the process."""
    return psutil.Process(process.pid).status()


def test_every_page_is_one_of_the_dashboard():
    """What an incident's story and the rules' links open is understood, to the last parameter."""
    document = yaml.safe_load(RULES.read_text())
    views = [rule["view"] for group in document["groups"] for rule in group["rules"] if "view" in rule]
    for page in [*views, *(incident.story.page for incident in INCIDENTS.values())]:
        name, _, query = page.partition("?")
        shown, complaints = STATES[name].read(parse_qs(query), datetime.now(UTC))
        assert complaints == [], page
        told, plain = shown.query(), STATES[name]().query()
        assert all(told[key] == given or told[key] != plain.get(key) for key, given in parse_qs(query).items()), page
