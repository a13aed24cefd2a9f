"""Which incident is planted, kept in the data folder: for `sightglass status`, and to mend what a killed demo left."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.cli.demo.incidents.incident import Incident, Planted, Scene
from services.cli.demo.incidents.registry import INCIDENTS
from services.cli.supervisor.run_folder import write_whole


def record_path(data_dir: Path) -> Path:
    """Where it lies."""
    return data_dir / "demo" / "incident.json"


def read_record(data_dir: Path) -> dict[str, Any] | None:
    """What is planted now; None when nothing is."""
    try:
        found: dict[str, Any] = json.loads(record_path(data_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def told(incident: Incident, since: float, dashboard_url: str) -> dict[str, Any]:
    """What people and programs are told of an incident.

    Args:
        incident: The incident.
        since: When it was planted, epoch seconds.
        dashboard_url: The dashboard's root.
    """
    story = incident.story
    asked = story.question
    return {
        "name": story.name,
        "planted": story.planted,
        "since": since,
        "alert": story.alert,
        "alert_after_about_minutes": story.alert_minutes,
        "look": story.look,
        "page": f"{dashboard_url.rstrip('/')}/{story.page}",
        "question": None
        if asked is None
        else {
            "path": f"/api/v1/{asked.path}",
            "parameters": {**asked.parameters, "from": f"{since - asked.before_seconds:.0f}"},
        },
    }


def plant(incident: Incident, scene: Scene, now: float, dashboard_url: str) -> dict[str, Any]:
    """Plant and record it; return what is told of it."""
    document = told(incident, now, dashboard_url)
    # Recorded with what mending needs as soon as that is known; a kill in between leaves at most what is harmless.
    planted = incident.plant(scene, now)
    _write(scene.data_dir, {**document, "mending": dict(planted)})
    return document


def mend(scene: Scene) -> str | None:
    """Mend what the record says, and forget it; return its name, None when nothing was planted."""
    document = read_record(scene.data_dir)
    if document is None:
        return None
    incident = INCIDENTS.get(str(document.get("name")))
    if incident is not None:
        planted: Planted = document.get("mending") or {}
        incident.mend(scene, planted)
    record_path(scene.data_dir).unlink(missing_ok=True)
    return str(document.get("name"))


def _write(data_dir: Path, document: Mapping[str, Any]) -> None:
    path = record_path(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(document, indent=1) + "\n")
