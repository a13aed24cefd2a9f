"""`python -m services.embedded_clickhouse`: the ClickHouse of one machine."""

import sys

from services.embedded_clickhouse.process import CannotStartError, serve
from services.embedded_clickhouse.settings import ClickHouseSettings
from sightglass import configure_logging, start
from sightglass.process_settings import read_settings

NAME = "clickhouse"
# Names a server that is used instead of this process.
_OF_THE_SUPERVISOR = ("SIGHTGLASS_CLICKHOUSE_URL",)
# The Collector may be down, or be the next to stop: telemetry's end must not hold up this process's.
_LAST_FLUSH_SECONDS = 2.0


def main() -> int:
    """Serve until told to stop; 0 after a stop, 1 with one sentence on stderr where it cannot start."""
    configure_logging(NAME)
    settings = read_settings(ClickHouseSettings, others=_OF_THE_SUPERVISOR)
    telemetry = start(NAME)
    try:
        serve(settings, telemetry.tracer)
    except CannotStartError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        telemetry.shutdown(_LAST_FLUSH_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
