"""How every chart looks: fonts, grid and room, set once."""

from typing import Final

import altair as alt

from dashboard.charts.palette import GRID, INK, MUTED

FONT: Final = '"Source Sans", "Source Sans 3", system-ui, sans-serif'


def themed(chart: alt.LayerChart, *, height: int) -> alt.LayerChart:
    """Give a chart the common look.

    Args:
        chart: all its layers.
        height: of the whole picture, in pixels; the width is the container's.
    """
    themed_chart: alt.LayerChart = (
        chart.properties(
            width="container",
            height=height,
            padding={"left": 2, "right": 10, "top": 4, "bottom": 2},
        )
        .configure(font=FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            labelFontSize=12,
            titleColor=MUTED,
            titleFontSize=12,
            titleFontWeight="normal",
            gridColor=GRID,
            domain=False,
            ticks=False,
            labelPadding=6,
        )
        .configure_axisX(grid=False, domain=True, domainColor=GRID, labelFlush=True)
        .configure_legend(
            labelColor=INK, labelFontSize=12, labelLimit=260, symbolStrokeWidth=3, symbolSize=140, title=None, offset=10
        )
    )
    return themed_chart
