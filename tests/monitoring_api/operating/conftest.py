"""A place with a store, and one without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder in which a worker has been."""
    made = Place(tmp_path)
    made.fill()
    yield made
    made.client.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Place]:
    """A folder in which no worker has ever been."""
    made = Place(tmp_path)
    yield made
    made.client.close()
