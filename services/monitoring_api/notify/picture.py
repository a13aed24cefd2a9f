"""A small picture of a metric around an event, as PNG: the line, the threshold, and when the alert fired and ended."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image, ImageDraw, ImageFont

from services.monitoring_api.notify.appearance import AMBER, GREEN, RED
from services.monitoring_api.notify.notification import AlertPart
from services.monitoring_api.notify.plain_text import one_line

# Drawn at twice the size at which it is shown, for sharp screens.
SHOWN_WIDTH, SHOWN_HEIGHT = 480, 150
_SCALE = 2
_LEFT, _RIGHT, _TOP, _BOTTOM = 110, 20, 44, 44
_MOST_POINTS = 2_000
_HUGE = 1e300
_THRESHOLD = re.compile(r"[<>=!]=?\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")
_INK, _GRID, _LINE, _SHADE = "#344054", "#eaecf0", "#175cd3", "#fee4e2"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Scale:
    """From times and values to pixels."""

    begin: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        """The column of a time; what lies outside is put on the edge."""
        share = min(1.0, max(0.0, (at - self.begin) / (self.end - self.begin)))
        return _LEFT + share * (SHOWN_WIDTH * _SCALE - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """The row of a value."""
        height = SHOWN_HEIGHT * _SCALE - _TOP - _BOTTOM
        return _TOP + (1 - (value - self.low) / (self.high - self.low)) * height


def draw_picture(alert: AlertPart) -> bytes | None:
    """The picture; None when the alert carries no series that could be drawn."""
    series = sorted(
        ((at, _drawable(value)) for at, value in alert.series[-_MOST_POINTS:] if math.isfinite(at)),
        key=lambda point: point[0],
    )
    values = [value for _, value in series if value is not None]
    if not values or series[0][0] == series[-1][0]:
        return None
    threshold = threshold_of(alert.condition)
    scale = _scale(series[0][0], series[-1][0], [*values, *([] if threshold is None else [threshold])])
    image = Image.new("RGB", (SHOWN_WIDTH * _SCALE, SHOWN_HEIGHT * _SCALE), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(20)
    _draw_event(pen, scale, alert)
    for value in (scale.low, scale.high):
        pen.line([(_LEFT, scale.y(value)), (SHOWN_WIDTH * _SCALE - _RIGHT, scale.y(value))], fill=_GRID, width=2)
        pen.text((_LEFT - 10, scale.y(value)), f"{value:.3g}", fill=_INK, font=font, anchor="rm")
    for run in _runs(series):
        _draw_run(pen, [(scale.x(at), scale.y(value)) for at, value in run])
    if threshold is not None:
        _draw_dashes(pen, scale.y(threshold))
        pen.text((_LEFT - 10, scale.y(threshold)), f"{threshold:.3g}", fill=RED, font=font, anchor="rm")
    for at, anchor in ((scale.begin, "la"), (scale.end, "ra")):
        pen.text((scale.x(at), SHOWN_HEIGHT * _SCALE - _BOTTOM + 12), _clock(at), fill=_INK, font=font, anchor=anchor)
    pen.text((_LEFT, 10), one_line(f"{alert.metric} {alert.condition}", 70), fill=_INK, font=font)
    written = io.BytesIO()
    image.quantize(64).save(written, "PNG", optimize=True)
    return written.getvalue()


def threshold_of(condition: str) -> float | None:
    """The number that a condition like `> 0.05` or `< 5%` compares with.

    None when it has none, or when it judges something else than the figure, like a change.
    """
    found = _THRESHOLD.match(condition)
    if found is None:
        return None
    number = float(found[1]) / (100 if found[2] else 1)
    return _drawable(number)


def _drawable(value: float | None) -> float | None:
    """A value within what can be reckoned with; None where there is none."""
    if value is None or not math.isfinite(value):
        return None
    return min(_HUGE, max(-_HUGE, value))


def _scale(begin: float, end: float, values: Sequence[float]) -> _Scale:
    low, high = min(values), max(values)
    # A flat line lies in the middle.
    room = max((high - low) / 10, abs(high) / 1e6, 1e-9)
    return _Scale(begin, end, low - room, high + room)


def _runs(series: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    """The stretches without a gap: nothing is drawn where nothing is known."""
    runs: list[list[Point]] = [[]]
    for at, value in series:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def _draw_run(pen: ImageDraw.ImageDraw, points: list[Point]) -> None:
    if len(points) == 1:
        ((x, y),) = points
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=_LINE)
    else:
        pen.line(points, fill=_LINE, width=4, joint="curve")


def _draw_event(pen: ImageDraw.ImageDraw, scale: _Scale, alert: AlertPart) -> None:
    top, bottom = _TOP, SHOWN_HEIGHT * _SCALE - _BOTTOM
    begin = scale.x(alert.fired_at)
    end = scale.x(scale.end if alert.ended_at is None else alert.ended_at)
    pen.rectangle([begin, top, max(begin, end), bottom], fill=_SHADE)
    pen.line([(begin, top), (begin, bottom)], fill=AMBER, width=3)
    if alert.ended_at is not None:
        pen.line([(end, top), (end, bottom)], fill=GREEN, width=3)


def _draw_dashes(pen: ImageDraw.ImageDraw, y: float) -> None:
    for x in range(_LEFT, SHOWN_WIDTH * _SCALE - _RIGHT, 24):
        pen.line([(x, y), (min(x + 14, SHOWN_WIDTH * _SCALE - _RIGHT), y)], fill=RED, width=3)


def _clock(at: float) -> str:
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%d %b %H:%M UTC")
