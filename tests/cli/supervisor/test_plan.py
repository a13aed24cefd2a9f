"""The plan of the real processes: what each one gets besides the variables that all have."""

import pytest

from services.cli.settings import SupervisorSettings
from services.cli.supervisor.plan import make_plan

NAMES = ("clickhouse", "ml-api", "monitoring-api", "worker")


@pytest.mark.parametrize(("given", "folder"), [({}, "spool"), ({"SIGHTGLASS_SPOOL_DIR": "/elsewhere"}, "/elsewhere")])
def test_clickhouse_keeps_its_own_records_until_there_is_a_collector(tmp_path, given, folder):
    """It is up before the Collector, by minutes where that is still to be built: its records wait on disk meanwhile.

    Nobody else gets a spool that was not asked for.
    """
    plan = make_plan(SupervisorSettings(data_dir=tmp_path), given, given)
    spools = {
        unit.name: unit.command().environment.get("SIGHTGLASS_SPOOL_DIR") for unit in plan.units if unit.name in NAMES
    }
    assert spools.pop("clickhouse") == str(tmp_path / folder)
    assert set(spools.values()) == {None}
    assert plan.environment.get("SIGHTGLASS_SPOOL_DIR") == given.get("SIGHTGLASS_SPOOL_DIR")
