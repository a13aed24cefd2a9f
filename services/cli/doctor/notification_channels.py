"""Check that alerts could reach people: every channel's secrets and receiver, without sending anything."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from services.cli.doctor.check import Check, Verdict
from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_registry import AnyChannel
from services.monitoring_api.notify.notification_file import load_notifications

_NAME = "notification channels"
_TEST = "`sightglass channels test NAME` sends a real message"
_PATIENCE_SECONDS = 10.0
# They reach nobody who does not look for them.
_OF_THIS_MACHINE = {"log", "demo-mail"}


def check_channels(file: Path, environment: Mapping[str, str], *, worker_is_here: bool) -> Check:
    """The file can be read, no secret is missing, and every receiver answers.

    Args:
        file: the worker's notifications file.
        environment: where secrets are looked up; the worker's may hold more.
        worker_is_here: whether what the worker keeps in its data folder can be seen from here.
    """
    try:
        channels = load_notifications(file).channels
    except InvalidFileError as error:
        return Check(_NAME, Verdict.FAILED, str(error)[:500], "Mend that file; until then the worker uses the old one.")
    looked_at = [one for one in channels if worker_is_here or one.type != "demo-mail"]
    if not looked_at:
        return Check(_NAME, Verdict.SKIPPED, f"{file} has no channel that can be looked at from here")
    unset = {name for one in looked_at for name in _unset(one, environment)}
    surroundings = Surroundings(environment)
    reached = [one for one in looked_at if not _unset(one, environment)]
    reasons = asyncio.run(_reach_all(reached, surroundings))
    if bad := [f"{one.name}: {reason}" for one, reason in zip(reached, reasons, strict=True) if reason]:
        return Check(_NAME, Verdict.FAILED, "; ".join(bad)[:1_000], f"Mend them; then {_TEST}.")
    if unset:
        found = f"not set here: {', '.join(sorted(unset))}"
        return Check(_NAME, Verdict.WARNING, found, f"The worker must have them where it starts. There {_TEST}.")
    names = ", ".join(one.name for one in looked_at)
    people = "" if any(one.type not in _OF_THIS_MACHINE for one in looked_at) else "; none of them reaches people"
    return Check(_NAME, Verdict.OK, f"secrets are there and receivers answer: {names}{people}; {_TEST}")


def _unset(channel: AnyChannel, environment: Mapping[str, str]) -> list[str]:
    variables = (source.variable for source in channel.secrets())
    return [name for name in variables if name is not None and not environment.get(name, "").strip()]


async def _reach_all(channels: list[AnyChannel], surroundings: Surroundings) -> list[str]:
    return list(await asyncio.gather(*(_reach(channel, surroundings) for channel in channels)))


async def _reach(channel: AnyChannel, surroundings: Surroundings) -> str:
    """Why a channel can't be reached; empty when it can."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await channel.build(surroundings).reach()
    except DeliveryFailedError as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {_PATIENCE_SECONDS:g} s"
    return ""
