"""The reference of all settings: docs/settings.md, and the last section of the deployment guide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.cli.settings_catalogue import Setting

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
REFERENCE: Final = _DOCS / "settings.md"
GUIDE: Final = _DOCS / "MONITORING_DEPLOYMENT_GUIDE.md"
_INTRODUCTION: Final = """# Settings

Environment variables, also read from a file `.env` in the working folder; the environment wins. `OTEL_*` mean what
OpenTelemetry says. This page is written by `sightglass settings --write`."""
_BEGIN: Final = "<!-- BEGIN settings: written by `sightglass settings --write`, do not edit -->\n"
_END: Final = "<!-- END settings -->"
_SECTIONS: Final = {
    "CLICKHOUSE_": "clickhouse",
    "COLLECTOR_": "collector",
    "DASHBOARD_": "dashboard",
    "MAINTENANCE_": "maintenance",
    "MIGRATE_": "migrate",
    "ML_API_": "ml-api",
    "MONITORING_API_": "monitoring-api",
    "SUPERVISOR_": "supervisor",
    "WORKER_": "worker",
}


def markdown(found: Sequence[Setting]) -> str:
    """Write the whole page."""
    return f"{_INTRODUCTION}\n\n{_tables(found, '##')}"


def in_guide(guide: str, found: Sequence[Setting]) -> str:
    """The guide's text with the present settings in it.

    Raises:
        ValueError: The guide lacks the marks between which they stand.
    """
    before, begin, rest = guide.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{GUIDE} has no {_BEGIN.strip()} ... {_END}")
    return f"{before}{begin}\n{_tables(found, '###')}\n{end}{after}"


def write(found: Sequence[Setting]) -> list[Path]:
    """Bring both documents up to date; return which."""
    REFERENCE.write_text(markdown(found), encoding="utf-8")
    GUIDE.write_text(in_guide(GUIDE.read_text(encoding="utf-8"), found), encoding="utf-8")
    return [REFERENCE, GUIDE]


def _tables(found: Sequence[Setting], heading: str) -> str:
    sections: dict[str, list[str]] = {}
    for setting in found:
        default = "" if setting.default in {None, ""} else f"`{setting.default}`"
        row = f"| `{setting.name}` | {setting.type} | {default} | {setting.meaning.replace('|', chr(92) + '|')} |"
        sections.setdefault(_process(setting.name), []).append(row)
    head = ("", "| variable | type | default | meaning |", "|---|---|---|---|")
    return "\n\n".join("\n".join([f"{heading} {process}", *head, *rows]) for process, rows in sections.items()) + "\n"


def _process(name: str) -> str:
    words = name.removeprefix("SIGHTGLASS_")
    return next((title for prefix, title in _SECTIONS.items() if words.startswith(prefix)), "everywhere")
