"""What a model is compared with, as the API tells it."""

import pytest

from services.monitoring_api.reference.document import Reference
from services.monitoring_api.reference.store import write

pytestmark = pytest.mark.anyio
PATH = "/api/v1/models/flight-delay/reference"


def made(version="v1", **more):
    """A small reference."""
    content = {
        "model": "flight-delay",
        "version": version,
        "task": "binary",
        "rows": 10,
        "source": {"kind": "file", "file": "training.csv"},
        "features": [
            {"name": "carrier\n'\\", "type": "category", "null_share": 0.1, "categories": {'ü\t"': 0.9}},
            {"name": "distance", "type": "number", "null_share": 0.0, "quantiles": [float(n) for n in range(101)]},
        ],
        "labels": {"classes": {"late": 0.3, "on_time": 0.7}},
        "score_edges": [0.1, 0.2],
    }
    return Reference.model_validate(content | more)


async def test_a_version_is_compared_with_its_own_reference_or_with_that_of_every_version(store, api):
    """Its own comes first; where it has none, the one without a version, which the answer says; else there is none."""
    await write(store, made("v1", rows=11))
    assert (await api.get(PATH, params={"version": "v2"})).status_code == 404
    await write(store, made("", rows=12))
    answers = {version: (await api.get(PATH, params={"version": version})).json() for version in ("v1", "v2")}
    assert [(each["version"], each["rows"]) for each in answers.values()] == [("v1", 11), (None, 12)]
    assert (await api.get(PATH)).json()["rows"] in {11, 12}
    first = answers["v1"]
    assert [each["name"] for each in first["features"]] == ["carrier\n'\\", "distance"]
    assert first["features"][0]["categories"] == {'ü\t"': 0.9}
    assert len(first["features"][1]["quantiles"]) == 101
    assert first["labels"]["classes"] == {"late": 0.3, "on_time": 0.7}
    assert first["created_at"].endswith(("Z", "+00:00"))
    assert "score_edges" not in first


async def test_a_model_without_a_reference_says_how_to_make_one(store, api):
    """Not found, and what to run; other names of odd characters are other models, and not an error of ours."""
    await write(store, made())
    for path in ("/api/v1/models/other/reference", "/api/v1/models/flight-delay%27%20OR%201/reference"):
        answer = await api.get(path)
        assert answer.status_code == 404
        assert "sightglass reference build" in answer.json()["detail"]


@pytest.mark.parametrize("query", ["version=%00", "version=" + "v" * 300, "versions=v1"])
async def test_what_makes_no_sense_is_named(api, query):
    """A parameter that can't be, or isn't there, is refused by its name."""
    answer = await api.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert "version" in answer.json()["errors"][0]["field"]
