"""All incidents, by name."""

from collections.abc import Mapping
from typing import Final

from services.cli.demo.incidents.bad_version import BAD_VERSION
from services.cli.demo.incidents.collector_outage import COLLECTOR_OUTAGE
from services.cli.demo.incidents.incident import Incident
from services.cli.demo.incidents.storm import STORM
from services.cli.demo.incidents.traffic_drop import TRAFFIC_DROP
from services.cli.demo.incidents.weather import MISSING_WEATHER, SLOW_WEATHER

_ALL: Final[tuple[Incident, ...]] = (
    SLOW_WEATHER,
    BAD_VERSION,
    STORM,
    MISSING_WEATHER,
    TRAFFIC_DROP,
    COLLECTOR_OUTAGE,
)
INCIDENTS: Final[Mapping[str, Incident]] = {incident.story.name: incident for incident in _ALL}
