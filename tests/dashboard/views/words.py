"""What a page says, as people read it."""

import re
from urllib.parse import parse_qs

from streamlit.testing.v1 import AppTest


def said(page: AppTest) -> str:
    """Everything written on the page, as the letters that markdown shows."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "success", "metric")
    items = [item for kind in kinds for item in getattr(page, kind)]
    text = "\n".join(f"{getattr(item, 'label', '')} {item.value}" for item in items)
    return re.sub(r"\\(.)", r"\1", text).replace("\u2060", "")


def url_of(page: AppTest) -> dict[str, list[str]]:
    """The page's parameters, each as a list."""
    return {
        name: list(value) if isinstance(value, list) else [value] for name, value in dict(page.query_params).items()
    }


def links_of(page: AppTest) -> dict[str, dict[str, list[str]]]:
    """The state that each link to a page leads to, by its label; of links of one label the last."""
    return {link.proto.label: parse_qs(link.proto.query_string) for link in page.main.page_link}
