"""The Collector hangs: services go on answering, and nothing of it becomes visible."""

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import Final

import psutil

from services.cli.demo.incidents.incident import Planted, Scene, Story
from services.cli.supervisor.run_folder import RunFolder


@dataclass(frozen=True)
class CollectorOutage:
    """The Collector's process is stopped (SIGSTOP), and goes on later where it was.

    It is not killed, for the supervisor would start another one at once.
    """

    story: Story

    def plant(self, scene: Scene, now: float) -> Planted:  # noqa: ARG002 - it begins at once
        """Freeze it.

        Raises:
            RuntimeError: No Collector of this data folder runs.
        """
        processes = RunFolder(scene.data_dir).read_state().get("processes", [])
        entry = next((each for each in processes if each["name"] == "collector" and each["pid"]), None)
        if entry is None:
            raise RuntimeError("No Collector of this data folder runs, so it can't be frozen.")
        os.kill(entry["pid"], signal.SIGSTOP)
        return {"pid": entry["pid"], "create_time": entry["create_time"]}

    def mend(self, scene: Scene, planted: Planted) -> None:  # noqa: ARG002 - the process is all there is
        """Let it go on, if it is still the same process."""
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            process = psutil.Process(planted["pid"])
            if abs(process.create_time() - planted["create_time"]) < 1:
                process.send_signal(signal.SIGCONT)


COLLECTOR_OUTAGE: Final = CollectorOutage(
    Story(
        "collector-outage",
        "The Collector hangs: the services answer, and none of their telemetry is stored.",
        "TelemetryStopped",
        3,
        "The pipeline's lag grows, and every process falls silent at the same moment: the services are well.",
        "pipeline",
    )
)
