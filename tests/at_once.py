"""Processes that do the same side by side, for what must hold between processes."""

from tests import warm


def run_at_once(code, folder, *, processes=4):
    """Run code in several processes, each with its own number as ``NUMBER``, and wait until all have ended well."""
    outputs = [folder / f"process-{number}.txt" for number in range(processes)]
    started = []
    for number, output in enumerate(outputs):
        with output.open("w") as file:
            arguments = ["-c", f"NUMBER = {number}\n{code}"]
            started.append(warm.Popen(arguments, env={}, cwd=folder, stdout=file, stderr=file))
    codes = [process.wait(60) for process in started]
    assert codes == [0] * processes, "".join(output.read_text() for output in outputs)
