"""What every test may use: the real stack, shared or of its own."""

import pytest

from tests.integration.stack import Stack


def pytest_collection_modifyitems(items):
    """Keep together, in one worker process, a file's tests, and all that share the stack; the rest runs beside them."""
    for item in items:
        shares_stack = "stack" in item.fixturenames
        item.add_marker(pytest.mark.xdist_group("stack" if shares_stack else item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The whole real stack, started once and shared: look and add, but do not break it."""
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def fresh_stack(tmp_path_factory):
    """Make a stack for one test: `fresh_stack(processes=(...), env={...})`. It is started, and stopped afterwards."""
    stacks = []

    def make(**options):
        stack = Stack(tmp_path_factory.mktemp("fresh-stack"), **options)
        stacks.append(stack)
        stack.start()
        return stack

    yield make
    for stack in stacks:
        stack.stop()
