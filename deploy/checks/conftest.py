"""Checks of the deployment with the real tools: `make deploy-check`.

What is proved for a content is not proved again: each check names its inputs, and a hash of them in the user's cache
folder stands for the proof. SIGHTGLASS_DEPLOY_CHECK_AGAIN=1 forgets that.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.checks.images import Images
from deploy.checks.proof import Proof
from deploy.checks.stack import Stack

_PROOFS = pytest.StashKey[Proof]()
_PASSED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker by which a check names its inputs."""
    config.addinivalue_line("markers", "inputs(*globs): files that the outcome of this check follows from")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Find out what is proved already."""
    for item in items:
        marker = item.get_closest_marker("inputs")
        assert marker is not None, f"{item.nodeid} names no inputs"
        item.stash[_PROOFS] = Proof(item.nodeid, marker.args)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> object:
    """Let a check pass whose proof is kept, without its fixtures."""
    if not item.stash[_PROOFS].is_kept():
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "passed", None, when)
        report.sections.append(("proof", item.stash[_PROOFS].said()))
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep the proof of a check that passed, and after which everything could be taken down."""
    outcome = yield
    report = outcome.get_result()
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    if call.when == "teardown" and report.passed and item.stash.get(_PASSED, False):
        item.stash[_PROOFS].keep(item.user_properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured, and when that was if it was not now."""
    for report in terminalreporter.getreports("passed"):
        for title, text in report.sections:
            if title == "proof":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """Every image that the compose file builds."""
    with Images().all_built() as built:
        yield built


@pytest.fixture(scope="module")
def stack(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every process in its image, started in the order of the compose file, with the embedded ClickHouse."""
    with Stack(images, Path(tmp_path_factory.mktemp("stack"))) as running:
        yield running


@pytest.fixture(scope="module")
def tls_stack(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same with docker-compose.tls.yml."""
    with Stack(images, Path(tmp_path_factory.mktemp("tls")), tls=True) as running:
        yield running
