"""Commands of the deployment guide, read out of it."""

import re

from services.cli.collector.cache import REPOSITORY

GUIDE = REPOSITORY / "docs" / "MONITORING_DEPLOYMENT_GUIDE.md"


def commands(name: str) -> str:
    """The indented lines after `<!-- test: NAME -->`."""
    found = re.search(rf"<!-- test: {re.escape(name)} -->\n\n((?:    .*\n)+)", GUIDE.read_text(encoding="utf-8"))
    assert found, f"the guide has no block {name}"
    return "".join(line.removeprefix("    ") for line in found[1].splitlines(keepends=True))
