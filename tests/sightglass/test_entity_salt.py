"""The salt of entity ids comes from a variable or a file; one that can't be used never leads to unsalted ids."""

import pytest

import sightglass
from sightglass.entity_salt import read_entity_salt
from sightglass.predictions.identifiers import EntityHash
from sightglass.settings import Settings
from sightglass.testing import in_memory_telemetry

SALT = "canary-pepper"
NAME, FILE = "SIGHTGLASS_ENTITY_SALT", "SIGHTGLASS_ENTITY_SALT_FILE"


def entity_of(environ):
    """The id and the marks with which a prediction of entity `e` is recorded under these variables."""
    settings = Settings.from_environment(environ)
    with in_memory_telemetry(model=sightglass.Model("m", "1"), settings=settings) as telemetry:
        sightglass.record_prediction({"a": 1}, score=0.5, entity_id="e")
        (record,) = telemetry.records
    attributes = record.log_record.attributes
    return attributes.get("ml.entity.id"), attributes.get("ml.truncated", ())


@pytest.mark.parametrize("content", [SALT, f"{SALT}\n", f"{SALT}\n\n"])
def test_a_file_and_a_variable_give_the_same_ids(tmp_path, content):
    """As a shell's `$(cat FILE)` would, without the line's end."""
    file = tmp_path / "salt"
    file.write_text(content)
    assert entity_of({FILE: str(file)}) == entity_of({NAME: SALT}) == (EntityHash(SALT).of("e"), ())


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", "a folder"], ids=str)
def test_without_the_salt_that_was_set_no_id_is_recorded(tmp_path, caplog, content):
    """The service goes on, one warning names variable and file, a mark stands for the id, and nothing is unsalted."""
    file = tmp_path / "salt"
    if content == "a folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    assert entity_of({FILE: str(file)}) == (None, ("ml.entity.id:no-salt",))
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{FILE}={file} ")
    assert "Entity ids are left out" in record.getMessage()


def test_an_empty_variable_is_no_salt(caplog):
    """It is what a failed `$(cat FILE)` leaves, and no wish for unsalted ids."""
    assert entity_of({NAME: ""}) == (None, ("ml.entity.id:no-salt",))
    assert NAME in caplog.text


def test_both_at_once_are_refused_without_telling_the_salt(tmp_path):
    """Nobody has to guess which one counts."""
    with pytest.raises(ValueError, match="both set") as error:
        read_entity_salt({NAME: SALT, FILE: str(tmp_path / "salt")})
    assert SALT not in str(error.value)


def test_none_set_is_none():
    """Then ids are hashed without one, and a warning says so when the first comes."""
    assert read_entity_salt({}) == ""
