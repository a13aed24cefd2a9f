import json

from services.cli.supervisor.log_file import LogFile, last_lines


def test_rotates_by_size_and_never_within_a_line(tmp_path):
    """However the bytes arrive, each file holds whole lines, and only the newest files are kept."""
    path = tmp_path / "api.log"
    log = LogFile(path, max_bytes=200, kept=2)
    data = b"".join(json.dumps({"n": n, "text": "x" * 20}).encode() + b"\n" for n in range(40))
    for start in range(0, len(data), 7):
        log.write(data[start : start + 7])
    log.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["api.log", "api.log.1", "api.log.2"]
    read = [json.loads(line) for name in ("api.log.2", "api.log.1", "api.log") for line in open(tmp_path / name)]  # noqa: PTH123, SIM115
    numbers = [entry["n"] for entry in read]
    assert numbers == list(range(numbers[0], 40))
    assert all(file.stat().st_size < 260 for file in tmp_path.iterdir())


def test_goes_on_where_an_earlier_run_stopped(tmp_path):
    """A log is appended to, and what an earlier run wrote counts towards its size."""
    path = tmp_path / "api.log"
    for text in (b"a" * 90 + b"\n", b"b\n", b"c" * 20 + b"\n"):
        log = LogFile(path, max_bytes=100, kept=1)
        log.write(text)
        log.close()
    assert path.read_bytes() == b"c" * 20 + b"\n"
    assert (tmp_path / "api.log.1").read_bytes() == b"a" * 90 + b"\nb\n"


def test_last_lines_of_a_long_log(tmp_path):
    """The end of a log is read without reading all of it; a log that is not there has no lines."""
    path = tmp_path / "api.log"
    path.write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert last_lines(path, 2) == ["line 99998", "line 99999"]
    assert last_lines(tmp_path / "none.log") == []
