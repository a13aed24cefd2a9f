import uuid

import pytest

from sightglass.predictions import identifiers
from sightglass.predictions.identifiers import EntityHash, new_prediction_id
from sightglass.text import label_text


def test_an_id_is_a_uuid_of_version_7_with_its_time():
    """Any UUID library reads it, and its time is the moment given."""
    parsed = uuid.UUID(new_prediction_id(1_700_000_000_123_456_789))
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert parsed.int >> 80 == 1_700_000_000_123


def test_ids_sort_by_time_and_differ_at_the_same_time():
    """Within a millisecond too; 10,000 ids of one moment are 10,000 ids."""
    moments = [1_700_000_000_000_000_000 + 1_000 * step for step in range(5_000)]
    made = [new_prediction_id(moment) for moment in moments]
    assert made == sorted(made)
    assert len({new_prediction_id(5) for _ in range(10_000)}) == 10_000


def test_an_entity_is_known_by_its_hash_only():
    """The same salt gives the same hash in every service; another gives another."""
    first = EntityHash("pepper").of("customer 7")
    assert first == EntityHash("pepper").of("customer 7")
    assert first != EntityHash("pepper").of("customer 8")
    assert len(first) == 32
    assert first != EntityHash("salt").of("customer 7")


def test_without_a_salt_it_is_hashed_all_the_same_with_one_warning(caplog):
    """The raw id never leaves, and the owner is told once."""
    identifiers._warn_unsalted.cache_clear()
    assert "customer" not in EntityHash("").of("customer 7") + EntityHash("").of("customer 8")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    ("label", "text"),
    [(True, "true"), (False, "false"), (1, "1"), (1.0, "1"), (1.5, "1.5"), ("late", "late"), (None, "None")],
)
def test_equal_labels_are_equal_text(label, text):
    """A class that went through a table of floats still matches the prediction's."""
    assert label_text(label) == (text, False)
