"""Log records over time, stacked by how severe they are."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import AMBER, BLUE, BROWN, MUTED, PURPLE, SKY, VERMILLION
from dashboard.charts.theme import themed
from dashboard.charts.time_axis import TIME_LABEL, time_scale

COLOURS: Final[Mapping[str, str]] = {
    "FATAL": PURPLE,
    "ERROR": VERMILLION,
    "WARN": AMBER,
    "INFO": BLUE,
    "DEBUG": SKY,
    "TRACE": BROWN,
    "UNKNOWN": MUTED,
}


def log_volume_chart(
    times: Sequence[int], counts: Mapping[str, Sequence[int]], *, step: int, height: int = 130, time_title: str
) -> alt.LayerChart:
    """Draw a bar for each stretch of time, the most severe records at its foot.

    Args:
        times: when each bar begins, in milliseconds of the wall clock shown.
        counts: by severity, records of each bar.
        step: milliseconds of a bar.
        height: of the picture in pixels.
        time_title: title of the time axis, such as its zone.
    """
    names = [name for name in COLOURS if any(counts.get(name, ()))]
    rows: list[dict[str, object]] = []
    for at, start in enumerate(times):
        foot = 0
        for name in names:
            if count := counts[name][at]:
                rows.append(
                    {
                        "start": float(start),
                        "end": float(start + step),
                        "foot": float(foot),
                        "top": float(foot + count),
                        "severity": name,
                        "count": float(count),
                        "when": f"{datetime.fromtimestamp(start / 1000, UTC):%a %d %b %Y %H:%M:%S}",
                    }
                )
                foot += count
    ends = (times[0], times[-1] + step) if times else (0, 1)
    bars = (
        alt.Chart(pd.DataFrame(rows, columns=["start", "end", "foot", "top", "severity", "count", "when"]))
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X(
                "start:T",
                scale=time_scale(*ends),
                axis=alt.Axis(title=time_title, labelExpr=TIME_LABEL, labelOverlap="greedy", tickCount=8),
            ),
            x2="end:T",
            y=alt.Y("foot:Q", axis=alt.Axis(title="records", format="~s", tickCount=3)),
            y2="top:Q",
            color=alt.Color(
                "severity:N",
                scale=alt.Scale(domain=names, range=[COLOURS[name] for name in names]),
                legend=alt.Legend(orient="top", direction="horizontal", symbolType="square"),
            ),
            tooltip=[
                alt.Tooltip("when:N", title="From"),
                alt.Tooltip("severity:N", title="Severity"),
                alt.Tooltip("count:Q", title="Records", format=","),
            ],
        )
    )
    return themed(cast("alt.LayerChart", alt.layer(bars)), height=height)
