"""An incident while the demo runs: what the stack needs for it, planting it, telling of it, mending it."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil
from rich.console import Console

from services.cli.demo.incidents.incident import Incident, Scene
from services.cli.demo.incidents.record import mend, plant
from services.cli.demo.traffic import Traffic
from services.cli.model_references import register_references
from services.cli.supervisor.run_folder import RunFolder
from services.ml_api.faults import FAULTS_VARIABLE

if TYPE_CHECKING:
    from services.cli.demo.session import DemoSession


def needed_environment(incident: Incident | None, data_dir: Path) -> Mapping[str, str]:
    """The environment that the stack is started with."""
    if incident is None or not incident.story.needs_faults:
        return os.environ
    return {**os.environ, FAULTS_VARIABLE: str(Scene(data_dir, data_dir).faults_file)}


def check_running(incident: Incident | None, data_dir: Path) -> None:
    """Make sure that the stack that runs can have the incident.

    Raises:
        click.ClickException: It was started without what the incident needs.
    """
    if incident is None or not incident.story.needs_faults:
        return
    processes = RunFolder(data_dir).read_state().get("processes", [])
    ml_api = next((each for each in processes if each["name"] == "ml-api" and each["pid"]), None)
    expected = str(Scene(data_dir, data_dir).faults_file)
    with suppress(psutil.Error):
        if ml_api and psutil.Process(ml_api["pid"]).environ().get(FAULTS_VARIABLE) == expected:
            return
    raise click.ClickException(
        f"The ML API that runs was started without {FAULTS_VARIABLE}, so {incident.story.name} can't be planted in it: "
        "`sightglass down` first."
    )


def mend_leftover(scene: Scene, console: Console) -> None:
    """Mend what a demo that was killed has left planted."""
    if (name := mend(scene)) is not None:
        console.print(f"Mended the incident {name}, which an earlier demo had left.", highlight=False)


@contextmanager
def live_incident(
    incident: Incident | None, session: "DemoSession", console: Console, traffic: Traffic, *, as_json: bool
) -> Iterator[None]:
    """Plant it, tell what to look for, and mend it in the end; without an incident nothing happens."""
    if incident is None:
        yield
        return
    scene = session.scene(traffic)
    try:
        document = plant(incident, scene, time.time(), session.endpoints.dashboard_url)
        # A new version has a card of its own.
        register_references(
            scene.data_dir, RunFolder(scene.data_dir).read_state(), lambda line: console.print(line, highlight=False)
        )
        story = incident.story
        console.print(f"[bold]Incident {story.name}[/bold]: {story.planted}", highlight=False)
        console.print(f"  alert           {story.alert}, in about {story.alert_minutes} minutes", highlight=False)
        console.print(f"  then look       {document['page']}", highlight=False)
        console.print(f"                  {story.look}", highlight=False)
        if as_json:
            click.echo(json.dumps(document))
        yield
    finally:
        if mend(scene) is not None:
            console.print(f"Mended: {incident.story.name}.", highlight=False)
            if as_json:
                click.echo(json.dumps({"name": incident.story.name, "mended": time.time()}))
