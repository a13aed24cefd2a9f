"""One real mail that nobody asked for, so that a newcomer sees what an alert's mail looks like."""

import time
from typing import Any, Final

import httpx

from services.cli.demo.ledger import Ledger

_CHANNELS: Final = "/api/v1/channels"
_TYPE: Final = "demo-mail"


def send_once(monitoring: httpx.Client, ledger: Ledger) -> str | None:
    """Send a test message through the demo's mail channel, by the route of `channels test`, once per data folder.

    Args:
        monitoring: Bound to the monitoring API.
        ledger: Where it is booked once it was delivered; until then each start tries again.

    Returns:
        What to tell, None where the notifications file has no such channel. Nothing that goes wrong is raised.
    """
    try:
        name = _channel(monitoring)
        if name is None:
            return None
        again = f"`sightglass channels test {name}` sends another"
        if ledger.sample_mailed():
            return f"mails of alerts are kept there; {again}"
        verdict = _asked(monitoring.post(f"{_CHANNELS}/{name}/test"))
        if verdict["delivered"] is not True:
            return f"no test mail yet ({verdict['detail']}); try `sightglass channels test {name}`"
        ledger.record_sample_mail(time.time())
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return f"no test mail yet ({error}); `sightglass channels list` names the channels to try"
    return f"a test mail lies there, as an alert's would; {again}"


def _channel(monitoring: httpx.Client) -> str | None:
    """The name of the first channel whose mails the data folder keeps."""
    channels = _asked(monitoring.get(_CHANNELS))["channels"]
    return next((str(each["name"]) for each in channels if each["type"] == _TYPE), None)


def _asked(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    body: dict[str, Any] = response.json()
    return body
