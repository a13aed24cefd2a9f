"""The demo's live status: what is served, and what the monitoring API says of it."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import httpx
from rich.console import Console
from rich.live import Live
from rich.text import Text

from services.cli.demo.session import DemoSession
from services.cli.demo.traffic import Traffic

_TICK_SECONDS = 0.25
_ASK_SECONDS = 5.0
_RETRY_SECONDS = 2.0
_QUIET_SECONDS = 60.0
_SCOPE = {"window": "5m", "filter": "service=ml-api"}
_METRICS = {
    "request_rate": ("requests", "{:.2f}/s"),
    "error_ratio": ("errors", "{:.1%}"),
    "latency_p95": ("p95", "{:.4f} s"),
    "positive_ratio": ("predicted late", "{:.0%}"),
    "ingest_lag_p95": ("lag p95", "{:.1f} s"),
}


def follow(
    session: DemoSession,
    console: Console,
    *,
    with_traffic: bool,
    incident: Callable[[Traffic], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> None:
    """Serve live flights and keep a status line up to date until Ctrl-C.

    Args:
        session: The demo.
        console: Where to tell.
        with_traffic: Whether to send live flights.
        incident: Plants something in live traffic when entered, and mends it when left.
    """
    endpoints = session.endpoints
    console.print("[bold]Ready[/bold]")
    console.print(f"  dashboard       {endpoints.dashboard_url}", highlight=False)
    console.print(f"  monitoring API  {endpoints.monitoring_api_url}", highlight=False)
    console.print(f"  ML API          {endpoints.ml_api_url}", highlight=False)
    if (mails := session.sample_mail()) is not None:
        where = f"{endpoints.dashboard_url}/alerts?section=mails (page Alerts, section Mails)"
        console.print(f"  mails           {where}:", highlight=False)
        console.print(f"                  {mails}", highlight=False)
    console.print("Ctrl-C stops everything.")
    with (
        session.traffic() as traffic,
        session.client(endpoints.monitoring_api_url) as monitoring,
        incident(traffic),
        Live(console=console, auto_refresh=False, transient=True) as live,
    ):
        figures, asked_at, resume_at = "", 0.0, 0.0
        while True:
            now = time.time()
            if with_traffic and now >= resume_at and not traffic.catch_up(now):
                resume_at = now + _RETRY_SECONDS
            if now - asked_at >= _ASK_SECONDS:
                figures, asked_at = _figures(monitoring), now
                line = _line(traffic, figures, now)
                if console.is_terminal:
                    live.update(line, refresh=True)
                else:
                    console.print(line)
            time.sleep(_TICK_SECONDS)


def _line(traffic: Traffic, figures: str, now: float) -> Text:
    served = traffic.served
    flight_time = traffic.schedule.clock.flight_time(now)[0]
    parts = [f"{flight_time:%a %d %b %H:%M} 2013", f"{served.predictions} live predictions, {served.labels} labels"]
    departure = traffic.next_departure(now)
    if departure is not None and departure.at - now > _QUIET_SECONDS:
        minutes = math.ceil((departure.at - now) / 60)
        parts.append(f"night: the next flight leaves at {departure.flight.scheduled_departure:%H:%M}, in {minutes} min")
    if served.failures:
        parts.append(f"{served.failures} failed requests ({served.last_failure})")
    parts.append(figures)
    return Text(" · ".join(part for part in parts if part))


def _figures(monitoring: httpx.Client) -> str:
    """Ask for the last five minutes; what can't be asked is left out, and an API that is away is named."""
    found = []
    for metric, (name, form) in _METRICS.items():
        try:
            response = monitoring.get(
                "/api/v1/metrics/current", params={"metric": metric, "window": "5m", "filter": "service=ml-api"}
            )
        except httpx.TransportError:
            return "the monitoring API does not answer"
        if response.status_code == httpx.codes.OK and (value := response.json().get("value")) is not None:
            found.append(f"{name} {form.format(value)}")
    return ", ".join(found)
