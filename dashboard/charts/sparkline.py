"""Small pictures beside a figure: a line over the range, light enough for one in every cell of a page."""

import base64
import html
from collections.abc import Callable, Sequence
from typing import Final

WIDTH: Final = 132
HEIGHT: Final = 30
_EDGE: Final = 2.0


def sparkline(
    points: Sequence[tuple[float, float | None]],
    *,
    start: float,
    end: float,
    colour: str,
    label: str,
    words: Callable[[float], str] = str,
    zero: bool = True,
) -> str:
    """Draw points as an image for HTML; where there is no value, the line has a gap.

    It is an SVG within an `img`: Streamlit takes SVG elements out of HTML, and in an image nothing can run.

    Args:
        points: (start of the bucket in epoch seconds, value or None), ascending.
        start: left end, epoch seconds.
        end: right end.
        colour: of the line.
        label: what it shows, for people who do not see it; any text.
        words: writes a value with its unit, for whoever points at the line.
        zero: whether its lower edge is 0; else the smallest value.
    """
    values = [value for _, value in points if value is not None]
    low = min([0.0, *values]) if zero else min(values, default=0.0)
    high = max(values, default=1.0)
    wide = (end - start) or 1.0
    tall = (high - low) or 1.0

    def place(at: float, value: float) -> tuple[float, float]:
        x = _EDGE + (at - start) / wide * (WIDTH - 2 * _EDGE)
        return x, HEIGHT - _EDGE - (value - low) / tall * (HEIGHT - 2 * _EDGE)

    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(at, value))
    path = " ".join(_path(run) for run in runs if run)
    last = [run for run in runs if run][-1][-1] if values else None
    dot = f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2" fill="{colour}"/>' if last else ""
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4" stroke-linejoin="round"/>{dot}</svg>'
    )
    source = base64.b64encode(picture.encode()).decode()
    alternative = html.escape(label, quote=True)
    ends = (("lowest", min(values)), ("highest", max(values)), ("last", values[-1])) if values else ()
    told = ", ".join(f"{name} {words(value)}" for name, value in ends) or "no value"
    return (
        f'<img width="{WIDTH}" height="{HEIGHT}" alt="{alternative}" title="{html.escape(told, quote=True)}" '
        f'src="data:image/svg+xml;base64,{source}">'
    )


def _path(run: Sequence[tuple[float, float]]) -> str:
    """One run of neighbours; a value alone becomes a stroke that can be seen."""
    first, *rest = run
    if not rest:
        return f"M{first[0] - 0.7:.1f},{first[1]:.1f}h1.4"
    return f"M{first[0]:.1f},{first[1]:.1f}" + "".join(f"L{x:.1f},{y:.1f}" for x, y in rest)
