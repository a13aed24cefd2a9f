"""What `sightglass doctor` sends through the pipeline: it can be looked up, and never counts."""

from typing import Final

SERVICE: Final = "sightglass-doctor"
MODEL: Final = "sightglass.doctor"
VARIANT: Final = "synthetic"

# The condition that keeps it out of every figure.
REAL: Final = f"ServiceName != '{SERVICE}'"
