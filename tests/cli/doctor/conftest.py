"""What the doctor's checks look at, as a test says it is."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.cli.doctor.reach import AskError


@dataclass
class Instance:
    """Stands for `Reach`: answers as it is told.

    Attributes:
        answers: rows of ClickHouse by a word of the statement.
        pages: answers to GET by the end of the URL.
    """

    answers: dict[str, list[list[Any]]] = field(default_factory=dict)
    pages: dict[str, httpx.Response] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=lambda: {"ml-api": "http://ml", "monitoring-api": "http://mon"})
    metrics_url: str = "http://col/metrics"

    def rows(self, sql):
        """ClickHouse's answer."""
        for word, rows in self.answers.items():
            if word in sql:
                return rows
        raise AskError("http://ch: refused")

    def fetch(self, url):
        """A page."""
        for end, answer in self.pages.items():
            if url.endswith(end):
                return answer
        raise AskError(f"{url}: refused")

    def get(self, name, path):
        """A page of an API."""
        return self.fetch(f"{self.urls[name]}{path}")


@pytest.fixture
def instance():
    """An instance of which nothing answers until it is told to."""
    return Instance()
