"""Where built Collectors are kept: the user's cache folder, one folder for each content of the build list."""

import hashlib
import json
import platform
from pathlib import Path

import platformdirs
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIG_DIR = REPOSITORY / "collector"
BUILDER_CONFIG = CONFIG_DIR / "builder-config.yaml"


def cache_root() -> Path:
    """Folder for all tools that Sightglass builds or downloads for this user."""
    return Path(platformdirs.user_cache_dir("sightglass"))


def build_key(builder_config: Path) -> str:
    """Name of the build that this list of components gives on this kind of machine.

    Only the content counts, so that a reworded comment does not cost a build.
    """
    content = yaml.safe_load(builder_config.read_text())
    machine = f"{platform.system()}-{platform.machine()}"
    digest = hashlib.sha256(f"{machine}\n{json.dumps(content, sort_keys=True)}".encode())
    return digest.hexdigest()[:16]


def cached_binary(builder_config: Path, root: Path) -> Path:
    """Path of the cached build for this list of components, whether it exists yet or not."""
    return root / "collector" / build_key(builder_config) / "otelcol"


def collector_version(builder_config: Path) -> str:
    """The one version that every component is pinned to, for example `0.161.0`."""
    return str(yaml.safe_load(builder_config.read_text())["dist"]["version"])
