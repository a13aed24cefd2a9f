"""How long tables may be kept, relative to each other."""

import pytest
from pydantic import ValidationError

from services.monitoring_api.maintenance.settings import MaintenanceSettings
from services.monitoring_api.migrate.settings import MigrateSettings


def settings(**days):
    """Retention settings of the process that sets the tables' TTL."""
    return MigrateSettings(_env_file=None, **{f"{name}_retention_days": each for name, each in days.items()})


def test_what_is_not_set_follows_the_common_settings():
    """The two names that there always were decide about everything else."""
    days = settings(raw=10, predictions=20).days_of_tables()
    assert {each for table, each in days.items() if table.startswith("otel_")} == {10}
    assert {each for table, each in days.items() if not table.startswith("otel_")} == {20}
    # Rollups stand for spans too.
    assert settings(raw=50, predictions=20).days_of_tables()["rollup_requests_15m"] == 50


@pytest.mark.parametrize(
    ("days", "names"),
    [
        ({"labels": 399}, ("LABELS", "predictions")),
        ({"minutes": 399}, ("MINUTES", "400")),
        ({"spans": 500, "minutes": 499}, ("MINUTES", "500")),
        ({"minutes": 500, "quarters": 499}, ("QUARTERS", "minutes")),
        ({"quarters": 500, "finished": 499}, ("FINISHED", "quarters")),
    ],
)
def test_no_tier_is_kept_shorter_than_what_it_stands_for(days, names):
    """A tier that a question would take, and that is gone while a finer one has the answer, is refused by name."""
    with pytest.raises(ValidationError) as refused:
        settings(**days)
    message = str(refused.value)
    assert all(name in message for name in names)
    assert f"SIGHTGLASS_MAINTENANCE_{names[0]}_RETENTION_DAYS is" in message


def test_every_process_reads_the_same_variables(monkeypatch):
    """The maintenance process knows of the retention that `sightglass migrate` sets."""
    monkeypatch.setenv("SIGHTGLASS_MAINTENANCE_SPANS_RETENTION_DAYS", "3")
    monkeypatch.setenv("SIGHTGLASS_MAINTENANCE_QUARTERS_RETENTION_DAYS", "700")
    for cls in (MigrateSettings, MaintenanceSettings):
        read = cls(_env_file=None)
        assert (read.span_days, read.quarter_days, read.minute_days) == (3, 700, 400)
