"""A process of ours is told what is wrong with its settings in one sentence, without secrets."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sightglass.process_settings import BadSettingsError, checked_settings, shown

SECRET = "s3cr3t-value"


class Example(BaseSettings):
    """A process's settings."""

    model_config = SettingsConfigDict(env_prefix="SIGHTGLASS_EXAMPLE_", env_file=".env", extra="ignore", frozen=True)

    port: int = Field(default=1, ge=1)
    token: SecretStr = Field(default=SecretStr("long"), min_length=3)
    names: tuple[str, ...] = ()
    shared: str = Field(default="", validation_alias="SIGHTGLASS_SHARED")
    url: str = Field(default="https://h", pattern="^https://")

    @field_validator("token")
    @classmethod
    def _told(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() == SECRET:
            raise ValueError(f"{value.get_secret_value()} is not wanted")
        return value

    @model_validator(mode="after")
    def _pair(self) -> "Example":
        if self.port == 7 and not self.shared:
            raise ValueError("SIGHTGLASS_SHARED is missing: 7 needs it")
        return self


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(monkeypatch, **variables):
    """What is said about variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettingsError) as error:
        checked_settings(Example)
    text = str(error.value)
    assert "\n" not in text
    assert "pydantic" not in text.lower()
    assert text.endswith(". `sightglass settings` lists every setting.")
    return text.removesuffix(". `sightglass settings` lists every setting.")


def test_good_settings_are_made(monkeypatch):
    """What is right is taken, also from `.env`, and variables of others are none of its business."""
    monkeypatch.setenv("SIGHTGLASS_EXAMPLE_PORT", "5")
    monkeypatch.setenv("SIGHTGLASS_WORKER_PROT", "5")
    monkeypatch.setenv("SIGHTGLASS_DATA_DIR", "elsewhere")
    Path(".env").write_text("SIGHTGLASS_SHARED=x\nPATH_OF_SOMEBODY=y\n")
    made = checked_settings(Example, others=("SIGHTGLASS_EXAMPLE_BELONGS_ELSEWHERE",))
    assert (made.port, made.shared) == (5, "x")


def test_a_name_of_another_process_with_this_prefix_is_let_pass(monkeypatch):
    """`others` names what belongs to somebody else."""
    monkeypatch.setenv("SIGHTGLASS_EXAMPLE_BELONGS_ELSEWHERE", "x")
    assert checked_settings(Example, others=("SIGHTGLASS_EXAMPLE_BELONGS_ELSEWHERE",)).port == 1
    assert refused(monkeypatch) == "SIGHTGLASS_EXAMPLE_BELONGS_ELSEWHERE is no setting (and none is like it)"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("SIGHTGLASS_ATUH", "is SIGHTGLASS_AUTH meant?"),
        ("SIGHTGLASS_DATADIR", "is SIGHTGLASS_DATA_DIR meant?"),
        ("sightglass_token_file", "is SIGHTGLASS_TOKENS_FILE meant?"),
        ("SIGHTGLASS_EXAMPL_PORT", "is SIGHTGLASS_EXAMPLE_PORT meant?"),
        ("SIGHTGLASS_WROKER_POOL_SIZE", "and none is like it"),
    ],
)
def test_a_name_that_is_nobody_s_is_refused(monkeypatch, name, near):
    """A shared name misspelled, or the name of a process: whoever set it wanted something that would not happen."""
    assert refused(monkeypatch, **{name: SECRET}) == f"{name} is no setting ({near})"


def test_an_unknown_name_of_the_file_is_refused(monkeypatch):
    """`.env` is looked at as the environment is; the value is not told."""
    Path(".env").write_text(f"SIGHTGLASS_EXAMPLE_PROT={SECRET}\n")
    assert refused(monkeypatch) == "SIGHTGLASS_EXAMPLE_PROT is no setting (is SIGHTGLASS_EXAMPLE_PORT meant?)"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "x", "SIGHTGLASS_EXAMPLE_PORT=x can't be used: input should be a valid integer, unable to parse"),
        ("PORT", "0", "SIGHTGLASS_EXAMPLE_PORT=0 can't be used: input should be greater than or equal to 1"),
        ("PORT", "7", "SIGHTGLASS_SHARED is missing: 7 needs it"),
        ("NAMES", "[", 'SIGHTGLASS_EXAMPLE_NAMES is not the JSON that it should be, such as ["a", "b"]'),
        ("NAMES", '["a", 3]', "SIGHTGLASS_EXAMPLE_NAMES.1 can't be used: input should be a valid string"),
        ("TOKEN", "zz", "SIGHTGLASS_EXAMPLE_TOKEN can't be used: value should have at least 3 items"),
        ("TOKEN", SECRET, "SIGHTGLASS_EXAMPLE_TOKEN can't be used"),
        (
            "URL",
            f"http://u:{SECRET}@h/p",
            "SIGHTGLASS_EXAMPLE_URL=http://u:****@h/p can't be used: string should match",
        ),
    ],
)
def test_a_bad_value_is_named_with_its_reason(monkeypatch, name, value, said):
    """The variable and what is wrong with it, but nothing that is secret."""
    text = refused(monkeypatch, **{f"SIGHTGLASS_EXAMPLE_{name}": value})
    assert text.startswith(said)
    assert SECRET not in text
    assert "zz" not in text


def test_everything_wrong_is_told_at_once(monkeypatch):
    """One look shows it all."""
    text = refused(monkeypatch, SIGHTGLASS_EXAMPLE_PORT="x", SIGHTGLASS_EXAMPLE_URLS="y", SIGHTGLASS_EXAMPLE_URL="z")
    assert [name for name in ("_PORT=x", "_URLS is", "_URL=z") if name in text] == ["_PORT=x", "_URLS is", "_URL=z"]


def test_an_unreadable_file_is_named(monkeypatch):
    """A `.env` that is no text is said to be so."""
    Path(".env").write_bytes(b"A=\xff\xfe\n")
    assert refused(monkeypatch).startswith(".env can't be read (it is not UTF-8)")


@pytest.mark.parametrize(
    ("text", "as_shown"),
    [
        ("plain", "plain"),
        ("http://h:80/x", "http://h:80/x"),
        ("https://u@h/x", "https://u@h/x"),
        ("https://u:p@h:1/x", "https://u:****@h:1/x"),
        ("https://u:p@p@h/x", "https://u:****@h/x"),
        ("sqlite:////tmp/a b.db", "sqlite:////tmp/a b.db"),
        ("postgresql+psycopg://u:a/b@h/d", "postgresql+psycopg://u:****@h/d"),
        ("u:p@h:1/x", "u:****@h:1/x"),
        ("https://h/x?token=abc&y=1", "https://h/x?token=****&y=1"),
    ],
)
def test_of_a_url_only_the_password_is_masked(text, as_shown):
    """Everything else of a URL helps to see what is wrong with it."""
    assert shown(text) == as_shown
