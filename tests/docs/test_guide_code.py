"""The code that guides show is the code that is tested."""

import re
from pathlib import Path

import pytest

from tests.integration.guide import blocks, matches

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "tests" / "guide_app"
GUIDE = ROOT / "docs" / "guides" / "instrument-your-service.md"
QUOTED = {name: code for name, code in blocks(GUIDE).items() if ".py" in name}


def test_every_file_of_the_app_is_shown():
    """No file is tested that the guide does not show, and none is shown that is not tested."""
    files = {path.name for path in APP.glob("*.py")} - {"__init__.py"}
    assert {name.split()[0] for name in QUOTED} == files


@pytest.mark.parametrize("name", QUOTED)
def test_the_guide_shows_the_tested_code(name):
    """Letter by letter: a whole file, or a piece of it where the block's name has a number."""
    file, *piece = name.split()
    text = (APP / file).read_text(encoding="utf-8")
    assert QUOTED[name] in text if piece else QUOTED[name] == text


def test_every_shape_is_shown():
    """Each function that a test asks for is in one of the pieces."""
    shown = "".join(code for name, code in QUOTED.items() if name.startswith("shapes.py "))
    functions = re.findall(r"^(?:async )?def (\w+)", (APP / "shapes.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in functions if f"def {name}(" not in shown] == ["healthz"]


def test_what_a_guide_shows_is_compared_with_what_was_answered():
    """Fields that are not shown are free, `...` is anything but null, and lists have the shown length."""
    assert matches({"a": "...", "b": [{"c": 1}]}, {"a": 5, "b": [{"c": 1, "d": 2}], "e": 3})
    assert matches({"a": None}, {"a": None})
    assert not matches({"a": "..."}, {"a": None})
    assert not matches({"a": 1}, {})
    assert not matches([1], [1, 2])
