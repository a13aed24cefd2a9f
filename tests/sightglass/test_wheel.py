import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.integration
def test_the_wheel_holds_the_library_and_nothing_else(tmp_path):
    """sightglass/ alone, typed, depending on OpenTelemetry's packages alone."""
    script = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("sightglass_ml-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"sightglass"}
    library = REPOSITORY / "sightglass"
    modules = {str(path.relative_to(REPOSITORY)) for path in [*library.rglob("*.py"), library / "py.typed"]}
    assert {name for name in names if name.startswith("sightglass/")} == modules
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert required
    assert all(line.startswith("opentelemetry-") for line in required)
