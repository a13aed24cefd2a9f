"""What is looked at before anything is started: names that nobody reads, and listeners open to everybody."""

import ipaddress
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.cli.settings_catalogue import known_names, settings_classes
from services.cli.supervisor.entity_salt import salt_problem
from services.cli.supervisor.units import PlanError
from services.cli.supervisor.wiring import TOKEN_OVERLAY, Endpoints
from sightglass.export.bearer_token import read_token, reason_of
from sightglass.process_settings import library_problems, sentence, unknown, value_problems


def check_start(endpoints: Endpoints, data_dir: Path, given: Mapping[str, str]) -> None:
    """Refuse a start that would go wrong or leave a door open.

    Args:
        endpoints: where each process listens.
        data_dir: the data folder.
        given: what the user has set: environment and `.env`.

    Raises:
        PlanError: saying everything that is wrong, in one sentence.
    """
    problems = [*unknown(given, known_names()), *_bad_values(), *library_problems(given)]
    found = (_open_collector(endpoints), _lacking_token(endpoints, data_dir), salt_problem(data_dir, given))
    problems += [text for text in found if text]
    if problems:
        raise PlanError(sentence(problems))


def ensure_otlp_token(endpoints: Endpoints, data_dir: Path) -> None:
    """Make the token that overlay `token` asks for, unless it is there or lies elsewhere: a file of mode 0600."""
    path = _made_by_us(data_dir)
    if TOKEN_OVERLAY not in endpoints.collector.overlays or endpoints.collector.ingest_token_file != path:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secrets.token_urlsafe(32)}\n")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _bad_values() -> Iterator[str]:
    """What the processes would refuse, each thing once though several read it."""
    found: dict[str, None] = {}
    for cls in settings_classes():
        try:
            cls()
        except (ValidationError, SettingsError) as error:
            found |= dict.fromkeys(value_problems(cls, error))
    yield from found


def _open_collector(endpoints: Endpoints) -> str:
    collector = endpoints.collector
    if is_loopback(collector.host) or TOKEN_OVERLAY in collector.overlays:
        return ""
    named = ", ".join(f'"{name}"' for name in (TOKEN_OVERLAY, *collector.overlays))
    return (
        f"SIGHTGLASS_COLLECTOR_HOST={collector.host} would let everybody who reaches this machine send telemetry: ask "
        f"for a token with SIGHTGLASS_COLLECTOR_OVERLAYS='[{named}]'"
    )


def _lacking_token(endpoints: Endpoints, data_dir: Path) -> str:
    """The one that we make need not be there yet."""
    path = endpoints.collector.ingest_token_file
    if TOKEN_OVERLAY not in endpoints.collector.overlays or (path == _made_by_us(data_dir) and not path.exists()):
        return ""
    try:
        read_token(path)
    except (OSError, ValueError) as error:
        return f"SIGHTGLASS_COLLECTOR_TOKEN_FILE={path} {reason_of(error)}"
    return ""


def _made_by_us(data_dir: Path) -> Path:
    return data_dir / "secrets" / "otlp.token"
