"""What `make deploy-check` keeps as proved."""

import os
import subprocess
import sys

import pytest

from tests.deploy.compose_file import DEPLOY

CHECKS = """
import pytest

pytestmark = pytest.mark.inputs("LICENSE")


@pytest.fixture
def left_running():
    yield
    assert False, "it could not be stopped"


def test_right():
    pass


def test_wrong():
    assert False


def test_leaves_something(left_running):
    pass
"""


def checked(folder, *words, **variables):
    """Run the checks of a folder as deploy/checks are run, with a cache of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "PYTEST_", "CI"))}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "deploy.checks.conftest",
            "-p",
            "no:cacheprovider",
            "-v",
            *words,
            folder,
        ],
        cwd=DEPLOY.parent,
        env={**kept, "XDG_CACHE_HOME": str(folder / "cache"), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    ).stdout


@pytest.fixture
def folder(tmp_path):
    """Three checks: one that passes, one that fails, one after which something could not be taken down."""
    (tmp_path / "test_it.py").write_text(CHECKS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_only_what_passed_and_could_be_taken_down_is_kept(folder):
    """The second run believes the first about one check, and does the others again."""
    first = checked(folder, "-c", folder / "pytest.ini")
    assert "2 passed, 1 failed, 1 error" in first.replace("1 failed, 2 passed", "2 passed, 1 failed"), first
    again = checked(folder, "-c", folder / "pytest.ini")
    assert again.count("unchanged since it passed") == 1
    assert "test_right: unchanged since it passed" in again
    assert "it could not be stopped" in again
    forgotten = checked(folder, "-c", folder / "pytest.ini", SIGHTGLASS_DEPLOY_CHECK_AGAIN="1")
    assert "unchanged since it passed" not in forgotten


@pytest.mark.parametrize(("ci", "outcome"), [("1", "1 failed"), ("", "1 skipped")])
def test_what_a_check_lacks_fails_it_in_ci_only(folder, ci, outcome):
    """.ci/run sets CI, so that a tool that is missing there is not taken for a check that passed."""
    (folder / "test_it.py").write_text(
        "import pytest\nfrom deploy.checks.tools import lack\n\n"
        "@pytest.mark.inputs('LICENSE')\ndef test_it():\n    lack('no such tool')\n"
    )
    assert outcome in checked(folder, "-c", folder / "pytest.ini", **({"CI": ci} if ci else {}))
    assert "\nexport CI=1\n" in (DEPLOY.parent / ".ci" / "run").read_text()
