"""The file for signing in by OpenID Connect: refused with its name and the key, never with a value."""

from pathlib import Path

import pytest

from dashboard.oidc_file import providers
from dashboard.refused_start import StartRefusedError

SECRET = "canary-" + "c" * 40
GOOD = f"""[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "{SECRET}"
client_id = "sightglass"
client_secret = "{SECRET}"
server_metadata_url = "https://id.example.org/.well-known/openid-configuration"
"""


def written(folder: Path, content: str | bytes, *, name: str = "oidc.toml", mode: int = 0o600) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def without(key: str) -> str:
    """The good file without a key."""
    return "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(key))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        *((without(key), f"{key} is missing in [auth]") for key in ("redirect_uri", "cookie_secret")),
        *((without(key), f"{key} is missing") for key in ("client_id", "client_secret", "server_metadata_url")),
        (GOOD.replace('client_id = "sightglass"', 'client_id = ""'), "client_id is missing"),
        (GOOD.replace('client_id = "sightglass"', "client_id = 7"), "client_id is missing"),
        (GOOD.replace(f'cookie_secret = "{SECRET}"', 'cookie_secret = "canary-x"'), "cookie_secret"),
        (GOOD.replace("/oauth2callback", "/"), "redirect_uri"),
        (GOOD.replace("https://id", "http://id"), "server_metadata_url"),
        (f"{GOOD}[auth.corp]\nclient_id = 'a'\n", "client_secret is missing in [auth.corp]"),
        (f"{GOOD}[auth.my_corp]\nclient_id = 'a'\n", "[auth.my_corp]"),
        (f'password = "{SECRET}"\n{GOOD}', "more than [auth]: password"),
        (f"{GOOD}client_id = {SECRET}\n", "not TOML"),
        (b"\xff\xfe", "not TOML"),
        ("", "section [auth] is missing"),
        ("auth = 1", "section [auth] is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, named: str) -> None:
    """The setting, the file and the key are in the text; what the file holds is not."""
    path = written(tmp_path, content)
    with pytest.raises(StartRefusedError) as refused:
        providers(path)
    text = str(refused.value)
    assert "SIGHTGLASS_DASHBOARD_OIDC_FILE" in text
    assert str(path) in text
    assert named in text
    assert "canary" not in text
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_others_may_not_read_it(tmp_path: Path, mode: int) -> None:
    """It holds secrets: the command that closes it is named."""
    with pytest.raises(StartRefusedError, match="chmod 600"):
        providers(written(tmp_path, GOOD, mode=mode))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """So is one that Streamlit would not read for its name."""
    with pytest.raises(StartRefusedError, match=r"none\.toml.*No such file"):
        providers(tmp_path / "none.toml")
    with pytest.raises(StartRefusedError, match=r"\.toml"):
        providers(written(tmp_path, GOOD, name="oidc"))


def test_its_providers_are_found(tmp_path: Path) -> None:
    """The one in [auth] itself, those with a section of their own, or both."""
    own = GOOD.split("client_id")[1]
    section = f"[auth.corp]\nclient_id{own}"
    assert providers(written(tmp_path, GOOD)) == ("default",)
    assert providers(written(tmp_path, GOOD + section)) == ("default", "corp")
    assert providers(written(tmp_path, GOOD.split("client_id", maxsplit=1)[0] + section)) == ("corp",)
    assert providers(written(tmp_path, f"{GOOD}[auth.client_kwargs]\nprompt = 'login'\n")) == ("default",)
