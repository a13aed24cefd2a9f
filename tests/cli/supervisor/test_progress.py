from services.cli.supervisor.progress import Progress


def entry(name, state, *, port=None, detail="", log="/nowhere"):
    """What the state file holds about a unit, as far as it is told."""
    return {"name": name, "state": state, "port": port, "detail": detail, "log": str(log)}


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self):
        """Say the time."""
        return self.now


def test_each_change_is_told_once():
    """A state that stays is not repeated, and waiting in the queue is no news."""
    told = []
    progress = Progress(told.append)
    store = entry("store", "starting", port=8123, detail="connection refused")
    for state in ([store, entry("api", "waiting")], [store], [entry("store", "up", port=8123)]):
        progress.follow({"processes": state})
    assert told == ["  store            starting", "  store            up (port 8123)"]


def test_a_crash_says_why():
    """A restart is told with its reason."""
    told = []
    Progress(told.append).follow({"processes": [entry("api", "restarting", detail="exited with code 7")]})
    assert told == ["  api              restarting: exited with code 7"]


def test_the_lines_of_a_running_step_are_shown(tmp_path):
    """What a step prints while it runs is passed on line by line; what an earlier run had printed is not."""
    log = tmp_path / "build.log"
    log.write_text("old\n")
    told = []
    progress = Progress(told.append)
    running = {"steps": [entry("build", "starting", log=log)]}
    progress.follow(running)
    with log.open("a") as file:
        file.write("compiling\nhalf a")
        file.flush()
        progress.follow(running)
        file.write(" line\n")
    progress.follow({"steps": [entry("build", "done", log=log)]})
    assert told == [
        "  build            starting",
        "    build: compiling",
        "    build: half a line",
        "  build            done",
    ]


def test_a_silence_is_explained():
    """Whoever waits is told every ten seconds what is being waited for and why."""
    told, clock = [], Clock()
    progress = Progress(told.append, silence_seconds=10, now=clock)
    for clock.now in (0, 9, 11, 12, 22):
        progress.follow({"processes": [entry("api", "starting", detail="answers 503")]})
    assert told == [
        "  api              starting",
        "  after 11 s waiting for api (answers 503)",
        "  after 22 s waiting for api (answers 503)",
    ]
