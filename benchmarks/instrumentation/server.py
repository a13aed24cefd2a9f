"""One arm's process: a uvicorn worker, told over standard input when to flush.

python -m benchmarks.instrumentation.server ARM --port N [--features N] [--model KIND] ...
"""

import argparse
import os
import sys
import threading
from pathlib import Path

import uvicorn

from benchmarks.instrumentation.application import Flush, build
from benchmarks.instrumentation.arms import ARMS
from benchmarks.instrumentation.models import MODELS, build_model


def main() -> None:
    """Serve until killed, or until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--features", type=int, default=12)
    parser.add_argument("--model", choices=MODELS, default=MODELS[0])
    parser.add_argument("--work", type=int, default=0, help="rounds of the 2ms model")
    parser.add_argument("--models-dir", type=Path, default=None, help="where the demo's model is")
    given = parser.parse_args()
    model = build_model(given.model, given.features, work=given.work, folder=given.models_dir)
    app, flush = build(given.arm, model)
    threading.Thread(target=_obey, args=(flush,), daemon=True).start()
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


def _obey(flush: Flush) -> None:
    """Flush for every line, and say when it is done: a channel that costs the measured requests nothing."""
    for _ in sys.stdin:
        print(flush(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
