"""How every chart looks: fonts, grid and room, set once; and how the same chart looks on a dark page."""

from typing import Any, Final, TypeVar, cast

import altair as alt

from dashboard.charts.palette import DARK, GRID, INK, MUTED

AnyChart = TypeVar("AnyChart", bound=alt.TopLevelMixin)
FONT: Final = '"Source Sans", "Source Sans 3", system-ui, sans-serif'

_CONFIG: Final = alt.Config(
    font=FONT,
    background="transparent",
    view=alt.ViewConfig(stroke=None),
    axis=alt.AxisConfig(
        labelColor=MUTED,
        labelFontSize=12,
        titleColor=MUTED,
        titleFontSize=12,
        titleFontWeight="normal",
        gridColor=GRID,
        domain=False,
        ticks=False,
        labelPadding=6,
    ),
    axisX=alt.AxisConfig(grid=False, domain=True, domainColor=GRID, labelFlush=True),
    legend=alt.LegendConfig(
        labelColor=INK, labelFontSize=12, labelLimit=260, symbolStrokeWidth=3, symbolSize=140, title=None, offset=10
    ),
)


def themed(chart: alt.LayerChart, *, height: int) -> alt.LayerChart:
    """Give a chart the common look.

    Args:
        chart: all its layers.
        height: of the whole picture, in pixels; the width is the container's.
    """
    # In one step, for each `configure_...` copies the whole chart; and not by `properties`, which checks each against
    # the whole of Vega-Lite's schema.
    themed_chart = cast("alt.LayerChart", cast("Any", chart).copy(deep=False))
    themed_chart.width = "container"
    themed_chart.height = height
    themed_chart.padding = {"left": 2, "right": 10, "top": 4, "bottom": 2}
    themed_chart.config = _CONFIG
    return themed_chart


def on_dark(chart: AnyChart) -> AnyChart:
    """The same chart for a dark page: each colour of the palette replaced by its counterpart, the data untouched.

    Args:
        chart: of any kind; it stays as it is.
    """
    copy = cast("Any", chart).copy(deep=True, ignore=["data", "datasets"])
    _darken(copy)
    return cast("AnyChart", copy)


def _darken(part: Any) -> Any:
    """Replace the colours in a part of a chart, in place where it has parts of its own."""
    if isinstance(part, str):
        return DARK.get(part.upper(), part) if part.startswith("#") else part
    if isinstance(part, list):
        part[:] = [_darken(item) for item in part]
    elif isinstance(part, tuple):
        return tuple(_darken(item) for item in part)
    elif isinstance(part, dict):
        part.update({name: _darken(value) for name, value in part.items() if name not in {"data", "datasets"}})
    elif isinstance(part, alt.SchemaBase):
        parts = vars(part)  # Altair turns an attribute that is set into a keyword of the chart
        _darken(parts["_kwds"])
        parts["_args"] = _darken(parts["_args"])
    return part
