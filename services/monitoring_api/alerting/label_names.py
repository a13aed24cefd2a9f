"""Labels that are set by us, and by nobody else."""

from typing import Final

ALERTNAME: Final = "alertname"
# An objective's rules are told apart by these.
SEVERITY: Final = "severity"
SLO_WINDOW: Final = "slo_window"
