"""`python -m services.embedded_clickhouse`: the ClickHouse of one machine."""

import logging
import sys

from services.embedded_clickhouse.process import CannotStartError, serve
from services.embedded_clickhouse.settings import ClickHouseSettings


def main() -> int:
    """Serve until told to stop; 0 after a stop, 1 with one sentence on stderr where it cannot start."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        serve(ClickHouseSettings())
    except CannotStartError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
