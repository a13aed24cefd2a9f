"""Each incident of the demo, planted live: how soon its alert fires, and whether the explainer names its cause first.

A stack of its own with history is started by `sightglass demo --incident NAME`, as anybody would; then the monitoring
API is asked for the alert, and, where something is slow or wrong, for the explanation, until both say what they should.
Then a browser goes from the alert's mail to where the cause is named, and its clicks are counted. In the end Ctrl-C
must have mended it. The result is kept by incident, so one may be measured anew by itself.

    python -m benchmarks.incidents [--only NAME] [--days 0.3] [--folder FOLDER] [--pictures FOLDER] [--quiet-minutes 30]

With --quiet-minutes nothing is planted, and no rule of the starter pack may fire in that time.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Error

from benchmarks import report
from services.cli.demo.incidents.incident import Incident
from services.cli.demo.incidents.registry import INCIDENTS
from tests.browser.incident_pictures import take_pictures
from tests.browser.incident_walk import MOST_CLICKS, Walked, walk
from tests.integration.live_incident import LiveDemo, Witnessed, watch_quiet, witness
from tests.integration.stack import Stack

_KEPT: Final = report.RESULTS / "incidents.json"


def main() -> None:
    """Plant, watch, mend, print; exit code 1 when anything was not as its incident says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(INCIDENTS), help="This incident; by default all, one after another.")
    parser.add_argument("--days", type=float, default=0.3, help="So much history is there before.")
    parser.add_argument("--folder", type=Path, help="Where the stack lives, and stays.")
    parser.add_argument("--pictures", type=Path, help="Take the pictures of docs/guides/incidents.md into this folder.")
    parser.add_argument("--quiet-minutes", type=float, help="Plant nothing, and watch the rules for so long.")
    given = parser.parse_args()
    on = report.machine()
    with tempfile.TemporaryDirectory(prefix="sightglass-incidents-") as folder:
        root = given.folder or Path(folder)
        if given.quiet_minutes is not None:
            sys.exit(_quiet(root, given.days, given.quiet_minutes, on))
        chosen = [INCIDENTS[given.only]] if given.only else list(INCIDENTS.values())
        sys.exit(_incidents(root, chosen, given.days, on, given.pictures))


def _incidents(root: Path, chosen: Iterable[Incident], days: float, on: dict[str, Any], pictures: Path | None) -> int:
    wanting = []
    for incident in chosen:
        name = incident.story.name
        with LiveDemo(Stack(root / name), days=days, incident=name) as demo:
            seen = witness(demo, incident)
            walked, missed = _walked(demo, incident, seen)
            if pictures is not None:
                take_pictures(demo, incident, seen, pictures)
        problems = [*seen.problems(), *missed, *demo.left_over()]
        _keep({name: {**_figures(incident, seen, problems), "walked": walked and asdict(walked)}}, on)
        wanting += [f"{name}: {problem}" for problem in problems]
    print("\n".join(["", "Not as it should be:", *wanting]) if wanting else "", file=sys.stderr)
    return 1 if wanting else 0


def _walked(demo: LiveDemo, incident: Incident, seen: Witnessed) -> tuple[Walked | None, list[str]]:
    """The way from its mail to its cause, and what was wrong with it."""
    if seen.alert_seconds is None:
        return None, []
    try:
        walked = walk(demo, incident)
    except (AssertionError, Error) as error:
        return None, [f"no way from its mail to its cause: {error}"]
    return walked, [f"{walked.clicks} clicks from its mail to its cause"] if walked.clicks > MOST_CLICKS else []


def _quiet(root: Path, days: float, minutes: float, on: dict[str, Any]) -> int:
    with LiveDemo(Stack(root / "quiet"), days=days) as demo:
        fired = watch_quiet(demo, minutes * 60)
    _keep({"nothing": {"minutes": minutes, "fired": fired}}, on)
    return 1 if fired else 0


def _figures(incident: Incident, seen: Witnessed, problems: list[str]) -> dict[str, Any]:
    return {
        "alert": incident.story.alert,
        "alert_seconds": seen.alert_seconds,
        "link": seen.link,
        "asked": incident.story.question is not None,
        "cause_seconds": seen.cause_seconds,
        "finding": seen.finding,
        "link_finding": seen.link_finding,
        "others_fired": seen.others_fired,
        "problems": problems,
    }


def _keep(figures: dict[str, Any], on: dict[str, Any]) -> None:
    """Keep these beside what was measured of other incidents before."""
    before = json.loads(_KEPT.read_text())["incidents"] if _KEPT.exists() else {}
    measured = {"at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()), "load_before": on["load_before"]}
    merged = {**before, **{name: {**each, "measured": measured} for name, each in figures.items()}}
    report.keep("incidents", "\n".join(_lines(merged)), {"incidents": merged}, on)


def _lines(merged: dict[str, Any]) -> Iterable[str]:
    yield "planted in live traffic of a stack with history; minutes after that, clicks from the mail to the cause"
    yield ""
    yield f"{'incident':<18}{'alert':<22}{'fires':>8}{'cause first':>13}{'clicks':>8}   first finding of the explainer"
    for name in [*INCIDENTS, "nothing"]:
        if name not in merged:
            yield f"{name:<18}not measured"
        elif name == "nothing":
            each = merged[name]
            fired = ", ".join(each["fired"]) or "no rule fired"
            yield f"{name:<18}{fired} in {each['minutes']:g} minutes"
        else:
            yield from _line(name, merged[name])


def _line(name: str, each: dict[str, Any]) -> Iterable[str]:
    finding = each["finding"]
    told = "-" if not each["asked"] else "none" if finding is None else _finding(finding)
    fires, cause = _minutes(each["alert_seconds"]), _minutes(each["cause_seconds"]) if each["asked"] else "-"
    clicks = walked["clicks"] if (walked := each.get("walked")) else "-"
    yield f"{name:<18}{each['alert']:<22}{fires:>8}{cause:>13}{clicks:>8}   {told}"
    if walked and not each["asked"]:
        yield f"{'':<18}at the end of the way from its mail: {walked['words']}"
    if (by_link := each.get("link_finding")) is not None:
        yield f"{'':<18}over the range of the alert's link: {_finding(by_link)}"
    if each["others_fired"]:
        yield f"{'':<18}fired besides: {', '.join(each['others_fired'])}"
    for problem in each["problems"]:
        yield f"{'':<18}NOT AS IT SHOULD BE: {problem}"


def _finding(finding: dict[str, Any]) -> str:
    parts = finding.get("parts") or [finding]
    named = " and ".join(
        f"{part['field']} = {part['value']}" if "value" in part else f"{part['field']} in {part['range']}"
        for part in parts
    )
    return (
        f"{named}; effect {finding['effect']:.2f} ({finding['low']:.2f} to {finding['high']:.2f}), "
        f"q {finding['q_value']:.1g}"
    )


def _minutes(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds / 60:.1f}"


if __name__ == "__main__":
    main()
