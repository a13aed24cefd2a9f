"""The shipped Collector files: pinned, valid, written from one list of patterns, and agreeing with the settings."""

import re

import pytest
import yaml

from services.cli.collector import CollectorSettings, binary_path, redaction
from services.cli.collector.cache import BUILDER_CONFIG, CONFIG_DIR
from services.cli.collector.launch import config_files, passed_on
from services.cli.collector.validation import SHIPPED, validate

CONFIG = CONFIG_DIR / "config.yaml"
FILES = sorted(CONFIG_DIR.glob("config*.yaml"))
_DEFAULT = re.compile(r"\$\{env:SIGHTGLASS_COLLECTOR_(\w+):-([^}]*)\}")


@pytest.mark.integration
@pytest.mark.parametrize("overlays", SHIPPED, ids=lambda overlays: "+".join(overlays) or "base")
def test_the_collector_accepts_every_shipped_combination(overlays, tmp_path):
    """The Collector itself finds nothing wrong with config.yaml alone and under each overlay."""
    settings = CollectorSettings(_env_file=None, data_dir=tmp_path)
    assert validate(binary_path(), settings, overlays).problem == ""


def test_every_component_is_pinned_to_one_version():
    """All components carry the version of the distribution; confmap's own numbering is one version too."""
    content = yaml.safe_load(BUILDER_CONFIG.read_text())
    pinned = [entry["gomod"].split() for kind, entries in content.items() if kind != "dist" for entry in entries]
    versions = {version for module, version in pinned if "/confmap/" not in module}
    assert versions == {f"v{content['dist']['version']}"}
    assert len({version for module, version in pinned if "/confmap/" in module}) == 1


def test_the_redaction_block_is_what_the_patterns_say():
    """config.yaml holds exactly what services/cli/collector/redaction.py writes."""
    assert CONFIG.read_text() == redaction.rewritten(CONFIG.read_text())


def test_links_are_redacted_by_the_same_patterns():
    """The newest migration that redacts links spells the patterns of redaction.py."""
    files = sorted(
        path for path in (CONFIG_DIR / "schema").glob("*.sql") if "`Links.Attributes`\n    ) AS" in path.read_text()
    )
    sql = files[-1].read_text()
    for pattern in (redaction.KEPT_KEYS, redaction.BLOCKED_KEYS, redaction.BLOCKED_VALUES):
        assert pattern.replace("\\", "\\\\").replace("'", "\\'") in sql


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_file_reads_has_the_default_of_the_settings(path):
    """A variable of config.yaml without a value means what CollectorSettings says it means."""
    settings = CollectorSettings(_env_file=None)
    known = {name.upper(): field.default for name, field in type(settings).model_fields.items()}
    for name, default in _DEFAULT.findall(path.read_text()):
        if path == CONFIG and name in known and known[name] is not None:
            assert str(known[name]).lower() == default.lower(), name


def test_what_the_settings_hand_on_is_read_by_a_file():
    """No setting is passed on in vain."""
    read = {name for path in FILES for name, _ in _DEFAULT.findall(path.read_text())}
    read |= {"CLICKHOUSE_PASSWORD_FILE"}
    settings = CollectorSettings(_env_file=None)
    everything = CollectorSettings(_env_file=None, **settings.model_dump() | {"clickhouse_ca_file": "ca.crt"})
    handed_on = {name.removeprefix("SIGHTGLASS_COLLECTOR_") for name in passed_on(everything)}
    assert len(handed_on) > len(passed_on(settings))
    assert handed_on <= read


def test_overlays_are_found_by_name_and_by_path(tmp_path):
    """A shipped overlay goes by its name, any other by its path; config.yaml always comes first."""
    other = tmp_path / "mine.yaml"
    settings = CollectorSettings(_env_file=None, overlays=("production", str(other)))
    assert config_files(settings) == [CONFIG, CONFIG_DIR / "config.production.yaml", other]


def test_every_value_pattern_has_a_hint():
    """The cheap look lets no secret pass: each example is seen by a hint or by the card hint."""
    examples = [
        "alice@example.com",
        "x%40example.com",
        "4111 1111 1111 1111",
        "378282246310005",
        "bearer abcdefgh",
        "basic dxnlcjpwyxnzd29yza",
        "eyjhbgcioijiuzi1nij9.eyjzdwiioiixmjm0in0.x",
        "password=x",
        "api_key: x",
        "secret=x",
        "token=x",
        "cookie: x",
        "ghp_" + "a" * 36,
        "akia" + "a" * 16,
        "sk_live_abcdefghijkl",
        "https://u:p@host/",
        "-----begin private key-----",
    ]
    for example in examples:
        seen = any(hint in example for hint in redaction.HINTS) or re.search(redaction._CARD_HINT, f" {example}")
        assert seen, example
