"""A supervisor in a process of its own: `python supervise.py DATA_DIR DIARY UNIT...`, a unit being `name:options`.

It is what a test kills with SIGKILL, which the test's own process would not survive.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from services.cli.supervisor.run_folder import RunFolder
from services.cli.supervisor.supervisor import Supervisor
from services.cli.supervisor.units import CommandLine, Unit

FAKE = str(Path(__file__).with_name("fake_process.py"))


def fake_unit(name, diary, *options, **unit):
    """A unit that runs the fake process."""
    line = CommandLine((sys.executable, FAKE, name, str(diary), *options))
    return Unit(name=name, command=lambda: line, **unit)


async def supervise(supervisor):
    """Run it until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return await supervisor.run(stop)


def main():
    """Own the data folder and supervise."""
    data_dir, diary = Path(sys.argv[1]), sys.argv[2]
    folder = RunFolder(data_dir)
    units = [
        fake_unit(name, diary, *options.split(), stop_timeout_seconds=1.0)
        for name, _, options in (argument.partition(":") for argument in sys.argv[3:])
    ]

    def publish(state):
        import psutil

        folder.write_state({"supervisor": {"pid": os.getpid()}, "boot_time": psutil.boot_time(), **state})

    with folder.owned():
        supervisor = Supervisor(units, logs=data_dir / "logs", environment=os.environ, publish=publish)
        asyncio.run(supervise(supervisor))


if __name__ == "__main__":
    main()
