"""`sightglass labels load`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from sightglass.labels.errors import LabelsError
from sightglass.labels.load import Load, Outcome
from sightglass.labels.options import FORMATS, LoadOptions
from sightglass.labels.position import PositionStore, state_folder
from sightglass.labels.progress import Progress
from sightglass.labels.receiver import OtlpReceiver, endpoint

SUMMARY: Final = "Load true labels from a file."
_INTERRUPTED: Final = 130
_FLUSH_AT_END_SECONDS: Final = 5.0
_DESCRIPTION: Final = """\
Send the true labels of a CSV or Parquet file to the Collector that OTEL_EXPORTER_OTLP_ENDPOINT names.

The whole file is checked before anything is sent. Sending is resumable: the position is remembered after every
chunk that the Collector accepted, and the same command goes on from there. Sending a file again changes nothing
that is stored, for a label is known by prediction, observed time and value.

Exit code 0 only when every label was accepted.
"""


def add_labels(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `labels` to a command line; the chosen verb's `run` does the work."""
    labels = verbs.add_parser("labels", help=SUMMARY, description=SUMMARY)
    load = labels.add_subparsers(title="verbs", metavar="VERB", required=True).add_parser(
        "load", help=SUMMARY, description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = LoadOptions(file=Path())
    load.add_argument("file", type=Path, metavar="FILE", help="A .csv or .parquet file.")
    for option, column, content in (
        ("--id-column", default.id_column, "prediction ids"),
        ("--label-column", default.label_column, "true labels"),
        ("--time-column", default.time_column, "moments that the labels describe: RFC 3339 or epoch seconds"),
    ):
        load.add_argument(option, default=column, metavar="NAME", help=f"Column of the {content}. [{column}]")
    load.add_argument("--format", choices=FORMATS, help="How to read the file, if its ending does not say it.")
    load.add_argument(
        "--delimiter",
        type=_delimiter,
        default=default.delimiter,
        metavar="CHARACTER",
        help="Of a CSV file; or tab. [,]",
    )
    load.add_argument(
        "--as-text", action="store_true", help="Keep a CSV file's labels as they are: else 1.0 is 1, and True is true."
    )
    load.add_argument(
        "--skip-bad", action="store_true", help="Leave out bad rows, and count them, instead of sending nothing."
    )
    load.add_argument("--dry-run", action="store_true", help="Check the whole file and send nothing.")
    load.add_argument("--restart", action="store_true", help="Begin with the first row, whatever is remembered.")
    load.add_argument(
        "--service-name", default=default.service_name, metavar="NAME", help=f"Of the sender. [{default.service_name}]"
    )
    load.add_argument(
        "--give-up-seconds",
        type=_seconds,
        default=default.give_up_seconds,
        metavar="SECONDS",
        help=f"How long to try again while the Collector accepts nothing. [{default.give_up_seconds:.0f}]",
    )
    load.add_argument(
        "--no-progress", action="store_true", help="Draw no bar; without a terminal, none is drawn anyway."
    )
    load.add_argument("--json", action="store_true", help="Print the result as JSON.")
    load.set_defaults(run=_load)


def _delimiter(text: str) -> str:
    character = "\t" if text in {"tab", "\\t"} else text
    if len(character) != 1 or character in '"\r\n':
        raise argparse.ArgumentTypeError("it must be one character, or the word tab")
    return character


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("it must be 1 or more seconds")
    return seconds


def _load(given: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> int:
    names = LoadOptions.__dataclass_fields__.keys()
    options = LoadOptions(**{name: value for name, value in vars(given).items() if name in names})
    progress = Progress(sys.stderr, visible=sys.stderr.isatty() and not given.no_progress)
    began = time.monotonic()
    report: dict[str, Any] = {"file": str(options.file), "complete": False}
    try:
        outcome, target = _perform(options, progress, environment)
    except LabelsError as error:
        progress.note(f"Error: {error}")
        report["error"], code = str(error), 1
    except OSError as error:
        report["error"], code = f"{options.file} can't be read to its end: {error}.", 1
        progress.note(f"Error: {report['error']}")
    except KeyboardInterrupt:
        report["error"] = "Interrupted. What was accepted is remembered; the same command goes on from there."
        progress.note(report["error"])
        code = _INTERRUPTED
    else:
        seconds = time.monotonic() - began
        report |= {"complete": True, "endpoint": target, **asdict(outcome), "seconds": round(seconds, 3)}
        if not given.json:
            print(_sentence(options, outcome, target, seconds))
        code = 0
    if given.json:
        print(json.dumps(report))
    return code


def _perform(options: LoadOptions, progress: Progress, environment: Mapping[str, str]) -> tuple[Outcome, str | None]:
    positions = PositionStore(state_folder(environment))
    if options.dry_run:
        return Load(options, endpoint="", positions=positions, progress=progress).check(), None
    target = endpoint(environment)
    opened: list[OtlpReceiver] = []

    def connect() -> OtlpReceiver:
        opened.append(OtlpReceiver(options.service_name))
        return opened[0]

    patience = 0.0
    try:
        outcome = Load(options, endpoint=target, positions=positions, progress=progress).run(connect)
        patience = _FLUSH_AT_END_SECONDS
        return outcome, target
    finally:
        for receiver in opened:
            receiver.close(patience)


def _sentence(options: LoadOptions, outcome: Outcome, target: str | None, seconds: float) -> str:
    left_out = f" {outcome.skipped:,} rows were left out: they are no labels." if outcome.skipped else ""
    if target is None:
        good = outcome.rows - outcome.skipped
        return f"{options.file}: {good:,} labels in {outcome.rows:,} rows. Nothing was sent (--dry-run).{left_out}"
    before = f", after {outcome.sent_before:,} in earlier calls" if outcome.sent_before else ""
    return f"{options.file}: {target} accepted {outcome.sent:,} labels in {seconds:.1f} s{before}.{left_out}"
