"""What axe finds on a page that people who hear, tab or see little could not use."""

from collections.abc import Mapping
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it ships no types
from playwright.sync_api import Page

_GRAVE: Final = {"serious", "critical"}
# What others draw so, and no option of theirs changes: rule -> a part of the element's markup.
NOT_OURS: Final[Mapping[str, tuple[str, ...]]] = {
    # Vega's rectangles of a brush, also before there is one. The chart around them has its text.
    "svg-img-alt": ("_brush",),
}
# What is drawn anew, and the button that stops it, are pale for a moment: they are no less readable for that.
_NOT_PALE: Final = """
[data-stale='true'], [data-testid=stStatusWidget], [data-testid=stStatusWidget] *
{ opacity: 1 !important; transition: none !important; animation: none !important; }
"""


def grave_violations(page: Page) -> list[str]:
    """Rules of WCAG A and AA that are broken in a way that axe calls serious or critical, with the elements."""
    page.add_style_tag(content=_NOT_PALE)
    answer = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).response
    return [
        f"{violation['id']}: {node['target']} {node['html'][:300]} {_why(node)}"
        for violation in answer["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
        if not any(part in node["html"] for part in NOT_OURS.get(violation["id"], ()))
    ]


def _why(node: Mapping[str, Any]) -> str:
    return str(node.get("failureSummary", ""))[:300].replace("\n", " ")
