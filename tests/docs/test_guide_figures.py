"""The figures that guides quote are those that were measured and kept."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_QUOTED = re.compile(r"<!-- figures: (?P<file>\S+) -->\n\n(?P<lines>(?:    [^\n]*\n|\n)+)")
QUOTED = [
    (guide, found["file"], found["lines"])
    for guide in sorted((ROOT / "docs").rglob("*.md"))
    for found in _QUOTED.finditer(guide.read_text(encoding="utf-8"))
]


def test_some_guide_quotes_figures():
    """So that a change of how they are marked does not make this file test nothing."""
    assert "model-performance.md" in {guide.name for guide, _, _ in QUOTED}


@pytest.mark.parametrize(("guide", "file", "lines"), QUOTED, ids=[file for _, file, _ in QUOTED])
def test_every_quoted_line_was_measured(guide, file, lines):
    """Letter by letter, each line is one of the kept result."""
    measured = (ROOT / file).read_text(encoding="utf-8").splitlines()
    quoted = [line.removeprefix("    ") for line in lines.splitlines() if line.strip()]
    assert len(quoted) > 1
    assert [line for line in quoted if line not in measured] == []
