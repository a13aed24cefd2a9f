"""What the documents say is true of the code."""

import re
from pathlib import Path

import pytest

from services.cli.settings_catalogue import all_settings
from services.cli.settings_reference import GUIDE, REFERENCE, in_guide, markdown
from services.cli.verb_table import VERBS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMPOSE = ROOT / "deploy" / "docker-compose.monitoring.yml"
_COMPOSED = re.compile(r"\$\{(SIGHTGLASS_\w+)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"```.*?```|`[^`\n]+`|^    .+$", re.DOTALL | re.MULTILINE)


def code_in(document):
    """The code of a document: fenced, indented and in the line."""
    return "\n".join(_CODE.findall(document.read_text(encoding="utf-8")))


def named(document):
    """How a document is called in a test's name."""
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document):
    """Every relative link names a file or folder of this checkout."""
    links = [link for link in _LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_verbs_and_targets_exist(document):
    """Every `sightglass VERB` and every `make TARGET` that a document names can be run."""
    code = code_in(document)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^[`\s]*(?:\S*/)?sightglass ([a-z]+)\b", code, re.MULTILINE)) <= set(VERBS)
    assert set(re.findall(r"^[`\s]*make ([a-z][a-z-]*)\b", code, re.MULTILINE)) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_settings_exist(document):
    """Every setting that a document names is one that a process reads, or the compose file."""
    mentioned = set(re.findall(r"\bSIGHTGLASS_[A-Z0-9_]*[A-Z0-9]\b(?!_)", document.read_text(encoding="utf-8")))
    known = {setting.name for setting in all_settings()} | set(_COMPOSED.findall(COMPOSE.read_text(encoding="utf-8")))
    prefixes = {name.rsplit("_", 1)[0] for name in known} | {"SIGHTGLASS"}
    assert {name for name in mentioned if name not in known and name not in prefixes} == set()


def test_the_settings_references_are_the_code_s():
    """docs/settings.md and the deployment guide have every setting and no other: `sightglass settings --write`."""
    found = all_settings()
    assert REFERENCE.read_text(encoding="utf-8") == markdown(found)
    guide = GUIDE.read_text(encoding="utf-8")
    assert guide == in_guide(guide, found)


def test_the_readme_asks_for_the_disk_that_set_up_asks_for():
    """The free disk that README names is what set-up checks."""
    from services.cli.bootstrap import NEEDED_BYTES

    assert f"{NEEDED_BYTES // 10**9} GB of free disk" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_process_is_described():
    """The architecture's table names each process that `sightglass status` shows."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = ["clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"]
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_every_dependency_has_a_reason():
    """Each package that pyproject.toml asks for is named in docs/dependencies.md."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    wanted = [*project["project"]["dependencies"], *(entry for group in groups for entry in group)]
    names = {re.match(r"[A-Za-z0-9_-]+", entry).group().lower() for entry in wanted if isinstance(entry, str)}
    names = {"types-*" if name.startswith("types-") else name for name in names}
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    assert sorted(name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)) == []


def test_every_picture_is_shown():
    """A document links each; what nobody looks at grows old unseen."""
    told = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    pictures = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert pictures
    assert {name for name in pictures if f"images/{name}" not in told} == set()
