import importlib.metadata
import subprocess
import sys
import types

import pytest

from sightglass import __main__ as command


def test_version_is_that_of_the_distribution(capsys):
    """`sightglass --version` names what is installed."""
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sightglass {importlib.metadata.version('sightglass-ml')}\n"


def test_without_a_checkout_it_says_what_it_is(capsys):
    """The wheel alone answers with help and success."""
    assert command.main([]) == 0
    assert "library alone" in capsys.readouterr().out


def test_in_a_checkout_the_full_command_takes_over(monkeypatch):
    """By name, so that the library imports nothing of the services."""
    module = types.ModuleType("stand_in_for_the_full_command")
    module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
    module.main = lambda: 3
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(command, "_FULL_COMMAND", module.__name__)
    assert command.main() == 3


def test_importing_the_library_is_light():
    """No FastAPI, no gRPC, no numpy, no pandas, nothing of the services."""
    script = "import sys, sightglass; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"fastapi", "starlette", "grpc", "numpy", "pandas", "pydantic", "services", "requests"}
    assert not heavy & set(loaded)
