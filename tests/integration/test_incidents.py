"""An incident of the demo from `--incident` to Ctrl-C, as a user runs it; `make incidents` does so for all of them."""

import json

import pytest

from services.cli.demo.incidents.registry import INCIDENTS
from tests.browser.incident_walk import MOST_CLICKS, walk
from tests.integration.live_incident import LiveDemo, witness
from tests.integration.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

DAYS = 0.03


def test_slow_weather_is_paged_explained_and_mended(tmp_path):
    """One airport's lookups are slow: the rule fires and links to the traces, the airport ranks first, Ctrl-C mends.

    A responder with a browser needs at most five clicks from the alert's mail to where the airport is named.
    """
    incident = INCIDENTS["slow-weather"]
    with LiveDemo(Stack(tmp_path), days=DAYS, incident="slow-weather") as demo:
        status = json.loads(demo.stack.cli("status", "--json").stdout)
        seen = witness(demo, incident)
        walked = walk(demo, incident)
    assert status["incident"]["alert"] == incident.story.alert
    assert status["incident"]["since"] == demo.planted["since"]
    assert "mending" not in status["incident"]
    assert seen.problems() == []
    assert f"{demo.stack.url('dashboard')}/traces?section=slow&" in seen.link
    assert "route=%2Fv1%2Fpredict" in seen.link
    assert walked.clicks <= MOST_CLICKS
    assert "origin = EWR" in walked.words
    assert demo.left_over() == []
    assert "Mended: slow-weather." in demo.log()


@pytest.mark.parametrize("option", ["--check", "--no-traffic"])
def test_an_incident_needs_live_traffic(tmp_path, option):
    """With either of these nothing is started."""
    done = Stack(tmp_path).cli("demo", "--incident", "storm", option)
    assert done.returncode == 2
    assert "live traffic" in done.stderr
