"""The verbs `sightglass collector build|path|validate`."""

import json
from pathlib import Path

import click

from services.cli.collector.build import BuildError, build
from services.cli.collector.cache import BUILDER_CONFIG, cache_root, collector_version
from services.cli.collector.resolve import CollectorBinaryError, binary_path, binary_version
from services.cli.collector.settings import CollectorSettings
from services.cli.collector.toolchain import ToolchainError
from services.cli.collector.validation import SHIPPED, validate


@click.group()
def collector() -> None:
    """Find, build and check the OpenTelemetry Collector."""


@collector.command("build")
@click.option("--force", is_flag=True, help="Build again even when the cache has it.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def build_verb(*, force: bool, as_json: bool) -> None:
    """Build the Collector of collector/builder-config.yaml into the cache, unless it is there."""
    try:
        binary = build(BUILDER_CONFIG, cache_root(), _progress, force=force)
    except (BuildError, ToolchainError) as error:
        raise click.ClickException(str(error)) from error
    _print_binary(binary, as_json=as_json)


@collector.command("path")
@click.option("--build/--no-build", "build_missing", default=False, help="Build when nothing is found.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def path_verb(*, build_missing: bool, as_json: bool) -> None:
    """Print the Collector that `sightglass up` would start."""
    _print_binary(_resolved(build_missing=build_missing), as_json=as_json)


@collector.command("validate")
@click.argument("overlays", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def validate_verb(*, overlays: tuple[str, ...], as_json: bool) -> None:
    """Have the Collector check config.yaml with OVERLAYS (names or paths); all shipped ones when none is named."""
    binary = _resolved(build_missing=True)
    settings = CollectorSettings()
    combinations = [overlays] if overlays else [*SHIPPED]
    if settings.overlays and not overlays and settings.overlays not in combinations:
        combinations.append(settings.overlays)
    verdicts = [validate(binary, settings, names) for names in combinations]
    if as_json:
        rows = [{"configuration": v.configuration, "valid": not v.problem, "problem": v.problem} for v in verdicts]
        click.echo(json.dumps({"binary": str(binary), "configurations": rows}))
    else:
        for verdict in verdicts:
            click.echo(f"{'invalid' if verdict.problem else 'valid'}: {verdict.configuration}")
            if verdict.problem:
                click.echo(verdict.problem)
    if any(verdict.problem for verdict in verdicts):
        raise click.exceptions.Exit(1)


def _resolved(*, build_missing: bool) -> Path:
    try:
        return binary_path(CollectorSettings().binary, build_missing=build_missing, report=_progress)
    except CollectorBinaryError as error:
        raise click.ClickException(str(error)) from error


def _print_binary(binary: Path, *, as_json: bool) -> None:
    if as_json:
        version = binary_version(binary) or collector_version(BUILDER_CONFIG)
        click.echo(json.dumps({"path": str(binary), "version": version}))
    else:
        click.echo(str(binary))


def _progress(line: str) -> None:
    click.echo(line, err=True)


commands: list[click.Command] = [collector]
