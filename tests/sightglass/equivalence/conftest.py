"""Quiet: half of these requests are meant to be warned of."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log records."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)
