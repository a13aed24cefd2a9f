import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from sightglass.labels.load import CHUNK_ROWS
from sightglass.labels.receiver import endpoint
from tests.integration.stack import free_ports
from tests.sightglass.labelled_files import TIME, numbered, write_csv
from tests.sightglass.receiver import plain, running_receiver

LIBRARY_ALONE = "import sys; from sightglass.__main__ import main; sys.exit(main(sys.argv[1:]))"
AS_INSTALLED = {"library": ("-c", LIBRARY_ALONE), "checkout": ("-m", "sightglass")}


class Command:
    """`sightglass labels load` in a folder of its own."""

    def __init__(self, folder, kind="library"):
        self.folder = folder
        self._start = [sys.executable, *AS_INSTALLED[kind]]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))}
        self.env = {**clean, "XDG_STATE_HOME": str(folder / "state")}

    def at(self, url):
        """Point it at a receiver."""
        self.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
        return self

    def start(self, *arguments, **options):
        """Start it."""
        return subprocess.Popen(
            [*self._start, "labels", "load", *map(str, arguments)],
            **{"cwd": self.folder, "env": self.env, "stdout": -1, "stderr": -1, "text": True, **options},
        )

    def run(self, *arguments, timeout=60):
        """Run it to its end."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture(params=AS_INSTALLED)
def command(tmp_path, request):
    """The command of the library alone, and of a checkout."""
    return Command(tmp_path, request.param)


def label_events(receiver):
    """What arrived: id, label and time of each event."""
    found = [plain(record.attributes) for record in receiver.events("ml.label")]
    return [(one["ml.prediction.id"], one["ml.label.value"], one["ml.label.observed_at"]) for one in found]


def test_labels_arrive_as_recorded_ones_do(command, tmp_path):
    """Id, value and time on the wire, from the service named; the report says how many."""
    file = write_csv(tmp_path / "a.csv", ["p1,late,2026-01-01T01:00:00.5+01:00", f"p2,1.0,{TIME}", f"p3,True,{TIME}"])
    with running_receiver() as receiver:
        ended = command.at(receiver.url).run(file, "--json", "--service-name", "warehouse")
        assert ended.returncode == 0, ended.stderr
        assert label_events(receiver) == [
            ("p1", "late", "2026-01-01T00:00:00.500000000Z"),
            ("p2", "1", "2026-01-01T00:00:00.000000000Z"),
            ("p3", "true", "2026-01-01T00:00:00.000000000Z"),
        ]
        assert {owner["service.name"] for owner, _ in receiver.records} == {"warehouse"}
    report = json.loads(ended.stdout)
    assert report.pop("seconds") > 0
    assert report == {
        "file": str(file),
        "complete": True,
        "endpoint": receiver.url,
        "rows": 3,
        "sent": 3,
        "sent_before": 0,
        "skipped": 0,
        "dry_run": False,
    }
    assert ended.stderr == ""


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_the_library_s(command, option):
    """The same help in a checkout and without."""
    ended = command.run(option)
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: sightglass labels load [-h]")
    assert "--give-up-seconds" in ended.stdout


def test_errors_are_sentences_and_exit_codes(command, tmp_path):
    """Bad input is 1 with a message, a bad command line 2; with --json the error is on stdout too."""
    missing = command.run("missing.csv", "--json")
    assert (missing.returncode, missing.stderr) == (1, "Error: missing.csv does not exist.\n")
    assert json.loads(missing.stdout) == {
        "file": "missing.csv",
        "complete": False,
        "error": "missing.csv does not exist.",
    }
    file = write_csv(tmp_path / "bad.csv", [f"p1,late,{TIME}", "p2,late,soon"])
    bad = command.run(file)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "row 2 (line 3): observed_at 'soon' is no time" in bad.stderr
    assert command.run().returncode == 2
    assert command.run(file, "--delimiter", "ab").returncode == 2
    assert command.run(file, "--give-up-seconds", "0.5").returncode == 2
    assert command.run(file, "--unknown").returncode == 2


def test_a_dry_run_needs_no_receiver(command, tmp_path):
    """It checks, says what it found, and sends nothing."""
    ended = command.at("http://127.0.0.1:1").run(numbered(tmp_path / "a.csv", 5), "--dry-run")
    assert ended.returncode == 0
    assert ended.stdout == f"{tmp_path}/a.csv: 5 labels in 5 rows. Nothing was sent (--dry-run).\n"


def test_no_receiver_is_no_success(tmp_path):
    """It tries again, says so and why, gives up in time, and a later call sends everything."""
    (port,) = free_ports(["receiver"]).values()
    command = Command(tmp_path).at(f"http://127.0.0.1:{port}")
    file = numbered(tmp_path / "a.csv", 9)
    ended = command.run(file, "--give-up-seconds", "6")
    assert ended.returncode == 1
    assert "trying again until 6 s" in ended.stderr
    assert "Connection refused" in ended.stderr
    assert f"http://127.0.0.1:{port} accepted nothing for" in ended.stderr
    with running_receiver(port) as receiver:
        assert command.run(file).returncode == 0
        assert len(label_events(receiver)) == 9


def test_a_receiver_that_refuses_is_no_success(tmp_path):
    """A status is told, 401 as well as 503."""
    with running_receiver() as receiver:
        for status in (401, 503):
            receiver.status = status
            ended = Command(tmp_path).at(receiver.url).run(numbered(tmp_path / "a.csv", 9), "--give-up-seconds", "3")
            assert ended.returncode == 1
            assert "accepted nothing" in ended.stderr


def test_an_outage_in_between_is_waited_for(tmp_path):
    """A receiver that is away for a moment delays the load and loses nothing."""
    (port,) = free_ports(["receiver"]).values()
    file = numbered(tmp_path / "a.csv", 50)
    with Command(tmp_path).at(f"http://127.0.0.1:{port}").start(file) as process:
        assert "trying again" in process.stderr.readline()
        with running_receiver(port) as receiver:
            assert process.wait(60) == 0
            assert sorted(label_events(receiver)) == sorted(set(label_events(receiver)))
            assert len(label_events(receiver)) == 50


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_load_that_was_ended_goes_on(tmp_path, number, code):
    """After Ctrl-C and after kill -9, a second call says where it goes on; together they send every row."""
    rows = 4 * CHUNK_ROWS
    file = numbered(tmp_path / "a.csv", rows)
    with running_receiver() as receiver:
        command = Command(tmp_path).at(receiver.url)
        with command.start(file) as process:
            assert receiver.wait_for(lambda: len(receiver.records) > CHUNK_ROWS)
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        assert process.returncode == code
        assert "Traceback" not in err
        ended = command.run(file, "--json")
        assert ended.returncode == 0, ended.stderr
        report = json.loads(ended.stdout)
        assert "Going on after row" in ended.stderr
        assert 0 < report["sent_before"] < rows
        assert report["sent"] + report["sent_before"] == rows
        arrived = [prediction for prediction, *_ in label_events(receiver)]
        assert set(arrived) == {f"p{number}" for number in range(rows)}
        # At most the chunk in progress is sent twice.
        assert len(arrived) <= rows + CHUNK_ROWS


def test_the_bar_is_on_a_terminal(tmp_path):
    """It is drawn on a terminal, and not with --no-progress."""
    file = numbered(tmp_path / "a.csv", 5_000)
    for arguments in ((), ("--no-progress",)):
        master, slave = pty.openpty()
        with running_receiver() as receiver:
            process = Command(tmp_path).at(receiver.url).start(file, *arguments, stderr=slave)
            os.close(slave)
            drawn = b""
            try:
                while part := os.read(master, 65_536):
                    drawn += part
            except OSError:  # the other side is closed
                pass
            process.communicate(timeout=60)
            os.close(master)
        assert process.returncode == 0
        assert (b"Sending [" in drawn) == (not arguments)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true keeps labels from being sent"),
        ({"OTEL_LOGS_EXPORTER": "none"}, "OTEL_LOGS_EXPORTER=none keeps labels from being sent"),
    ],
)
def test_telemetry_that_is_off_is_no_success(tmp_path, variables, said):
    """Where the library would quietly send nothing, the command fails."""
    command = Command(tmp_path)
    command.env |= variables
    ended = command.run(numbered(tmp_path / "a.csv", 1))
    assert ended.returncode == 1
    assert said in ended.stderr


@pytest.mark.parametrize(
    "variable", ["OTEL_PYTHON_EXPORTER_OTLP_HTTP_LOGS_CREDENTIAL_PROVIDER", "OTEL_METRICS_EXEMPLAR_FILTER"]
)
def test_a_variable_that_telemetry_goes_on_without_is_a_warning(tmp_path, variable):
    """It is named, and the labels arrive."""
    command = Command(tmp_path)
    command.env[variable] = "none-such"
    with running_receiver() as receiver:
        ended = command.at(receiver.url).run(numbered(tmp_path / "a.csv", 3))
        assert ended.returncode == 0, ended.stderr
        assert len(label_events(receiver)) == 3
    assert variable in ended.stderr


def test_where_labels_are_sent():
    """As OpenTelemetry's variables say, the one for logs first."""
    assert endpoint({}) == "http://127.0.0.1:4318"
    assert endpoint({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) == "http://127.0.0.1:4317"
    both = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://b/v1/logs"}
    assert endpoint(both) == "http://b/v1/logs"


def test_a_checkout_finds_its_own_collector(tmp_path):
    """Where nothing says where the Collector is, it is this data folder's, by `.env` too."""
    (port,) = free_ports(["receiver"]).values()
    (tmp_path / ".env").write_text(f"SIGHTGLASS_COLLECTOR_HTTP_PORT={port}\n")
    command = Command(tmp_path, "checkout")
    with running_receiver(port) as receiver:
        ended = command.run(numbered(tmp_path / "a.csv", 3))
        assert ended.returncode == 0, ended.stderr
        assert len(label_events(receiver)) == 3
    (tmp_path / ".env").write_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1\n")
    ended = command.run(tmp_path / "a.csv", "--give-up-seconds", "1")
    assert "http://127.0.0.1:1 accepted nothing" in ended.stderr
