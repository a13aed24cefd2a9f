"""The explainer's panel: what the slow or the wrong have in common, ranked, each a click away from its cases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import streamlit as st

from dashboard.charts.findings import Effect, effect_chart, share_chart
from dashboard.charts.units import figure
from dashboard.explain_answers import Explanation, Finding, Part
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.views.left_out import note_left_out
from dashboard.views.lines import draw


class CasesLink(NamedTuple):
    """Where the cases of a finding are searched for.

    Attributes:
        page: that searches.
        label: of the link.
        query: the page's state.
        left_out: what of the finding the search cannot ask for.
        without: conditions of the page that the search cannot ask for either.
    """

    page: str
    label: str
    query: Mapping[str, Sequence[str]]
    left_out: Sequence[Part] = ()
    without: Sequence[str] = ()


FilterLink = Callable[[Finding], CasesLink | None]
MOST_SHOWN: Final = 8
_EXAMPLES: Final = 3
_NAME: Final = 48
_TINY: Final = 1e-4


def draw_findings(
    explanation: Explanation,
    *,
    key: str,
    filter_link: FilterLink,
    selected: str = "the selected",
    rest: str = "the others",
) -> None:
    """Draw an explanation as a ranked list with small charts.

    Args:
        explanation: the API's answer.
        key: distinct on the page; of the panel's widgets.
        filter_link: what shows the cases of a finding; None where no search can.
        selected: what the selected are called, such as `slow requests`.
        rest: what the others are called.
    """
    _compared(explanation, selected, rest)
    shares = [finding for finding in explanation.findings if finding.unit == "share"]
    times = [finding for finding in explanation.findings if finding.unit != "share"]
    if not explanation.findings:
        return
    everything = False
    if max(len(shares), len(times)) > MOST_SHOWN:
        everything = st.toggle(f"Show all {len(explanation.findings)} findings", key=f"{key}.all")
    most = len(explanation.findings) if everything else MOST_SHOWN
    if shares:
        _charts(shares[:most], key, selected, rest)
        _list(shares[:most], filter_link, selected, rest)
    if times:
        st.markdown("**Where they spend more time of their own**")
        rows = _rows(times[:most])
        draw(
            effect_chart(rows, unit="ms"),
            key=f"{key}.times",
            alternative=f"Extra milliseconds of {len(rows)} operations, the first in {rows[0].name}.",
        )
        _list(times[:most], filter_link, selected, rest)


def _compared(explanation: Explanation, selected: str, rest: str) -> None:
    """Who was compared with whom, and what came of it, in numbers."""
    found = any(finding.unit == "share" for finding in explanation.findings)
    with st.container(border=True):
        left, middle, right = st.columns(3)
        left.metric(selected.capitalize(), f"{explanation.selected:,}")
        middle.metric(rest.capitalize(), f"{explanation.rest:,}")
        right.metric("Possible causes looked at", f"{explanation.searched:,}")
        if not found:
            st.markdown("**Nothing stands out.**" if explanation.searched else "**Too few to compare.**")
        st.markdown(plain(explanation.message, 800))


def _charts(findings: Sequence[Finding], key: str, selected: str, rest: str) -> None:
    rows = _rows(findings)
    left, right = st.columns(2)
    with left:
        told = "; ".join(f"{row.name}: {row.effect:.0%} ({row.low:.0%} to {row.high:.0%})" for row in rows)
        draw(effect_chart(rows, unit="share"), key=f"{key}.effects", alternative=f"Effects with intervals. {told}.")
    with right:
        told = "; ".join(f"{row.name}: {row.share_selected:.0%} against {row.share_rest:.0%}" for row in rows)
        chart = share_chart(rows, selected=one_line(selected, 40), rest=one_line(rest, 40))
        draw(chart, key=f"{key}.shares", alternative=f"Shares of the selected and of the rest. {told}.")


def _rows(findings: Sequence[Finding]) -> list[Effect]:
    return [
        Effect(
            f"{place}. {one_line(finding.words, _NAME)}",
            finding.effect,
            finding.low,
            finding.high,
            finding.share_selected,
            finding.share_rest,
        )
        for place, finding in enumerate(findings, start=1)
    ]


def _list(findings: Sequence[Finding], filter_link: FilterLink, selected: str, rest: str) -> None:
    for place, finding in enumerate(findings, start=1):
        with st.container(border=True):
            st.markdown(f"**{place}. {plain(finding.words, 300)}**  \n{plain(in_words(finding, selected, rest), 400)}")
            if finding.same:
                st.caption(f"The same cases by other names: {plain(_names(finding.same), 400)}")
            with st.container(horizontal=True, vertical_alignment="center"):
                link = filter_link(finding)
                if link is not None and has_page(link.page):
                    page_link(link.page, link.label, link.query, icon=":material/filter_alt:", icon_position="left")
                _examples("traces", "trace", finding.examples)
                _examples("predictions", "prediction", finding.example_predictions)
            if link is None:
                examples = finding.examples or finding.example_predictions
                st.caption("No search can ask for this" + (": see its examples." if examples else "."))
            else:
                note_left_out([*(part.words for part in link.left_out), *link.without])


def in_words(finding: Finding, selected: str, rest: str) -> str:
    """Effect, interval, q and shares of a finding as a sentence."""
    shares = f"{finding.share_selected:.1%} of {selected}, {finding.share_rest:.1%} of {rest}"
    q = "q < 0.0001" if finding.q_value < _TINY else f"q = {finding.q_value:.2g}"
    if finding.unit != "share":
        more, low, high = (figure(value, finding.unit) for value in (finding.effect, finding.low, finding.high))
        effect = f"{'+' if finding.effect > 0 else ''}{more} on average (95 % interval {low} to {high})"
        return f"{effect}. In {shares}. {q}"
    effect = f"Accounts for {finding.effect:.0%} of {selected} (95 % interval {finding.low:.0%} to {finding.high:.0%})"
    return f"{effect}. {shares} have it. {q}"


def _names(parts: Sequence[Part]) -> str:
    return "; ".join(part.words for part in parts)


def _examples(page: str, name: str, ids: Sequence[str]) -> None:
    if not has_page(page):
        return
    for place, identity in enumerate(ids[:_EXAMPLES], start=1):
        label = f"Example {name} {place}"
        page_link(page, label, {name: [identity]}, icon=":material/open_in_new:", help=plain(identity, 64))
