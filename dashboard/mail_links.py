"""Where a mail's links lead: its page stands in a frame that leads nowhere, so they are drawn beside it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

from dashboard.alert_ways import page_of

MOST: Final = 12
_LONGEST_URL: Final = 4_000
_LONGEST_MAIL: Final = 400_000
_NAMED: Final = re.compile(r"^(?:([^:\n]{1,60}): )?(https?://\S+)\s*$", re.MULTILINE)
_UNNAMED: Final = "Open the dashboard"


@dataclass(frozen=True)
class MailLink:
    """A link that stands in a mail.

    Attributes:
        label: what the mail calls it.
        url: as the mail has it.
        page: the dashboard's page that it may lead to; empty for any other place.
        query: that page's state.
    """

    label: str
    url: str
    page: str
    query: Mapping[str, Sequence[str]]


def links_of(page: str, text: str) -> list[MailLink]:
    """The mail's links to web pages in its order, each once and no more than `MOST`.

    Args:
        page: the mail as HTML; empty when it has only text.
        text: the mail as text, in which a link stands on a line of its own, mostly behind its name.
    """
    if page:
        anchors = _Anchors()
        anchors.feed(page[:_LONGEST_MAIL])
        found = anchors.found
    else:
        found = [(name or _UNNAMED, url) for name, url in _NAMED.findall(text[:_LONGEST_MAIL])]
    links: dict[str, MailLink] = {}
    for label, url in found:
        if url.startswith(("http://", "https://")) and len(url) <= _LONGEST_URL and url not in links:
            name, query = page_of(url) or ("", {})
            links[url] = MailLink(label.strip() or url, url, name, query)
    return list(links.values())[:MOST]


class _Anchors(HTMLParser):
    """Collects what stands in `<a href>`, with its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._end()
            self._open = dict(attrs).get("href") or ""

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end()

    def _end(self) -> None:
        if self._open is not None:
            self.found.append(("".join(self._words), self._open))
        self._open, self._words = None, []
