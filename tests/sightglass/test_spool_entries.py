"""Entries of a segment: whatever becomes of a file, its readable beginning is read and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sightglass.otlp.request import Owner, encode_request
from sightglass.spool.entries import owner_entry, read_entries, record_entry

from .spooling import OWNER, RESOURCE, SCOPE

OWNERS = st.builds(Owner, *[st.binary(max_size=20)] * 4)
WRITTEN = st.lists(st.tuples(OWNERS, st.lists(st.binary(max_size=40), max_size=4)), max_size=4)

UNHURRIED = settings(deadline=None, database=None)


def laid_out(written):
    """A file's bytes, the records in it, and where each record ends."""
    data, records, ends = b"", [], []
    for number, (owner, contents) in enumerate(written):
        data += owner_entry(number, owner)
        for content in contents:
            data += record_entry(number, content)
            records.append((owner, None, content))
            ends.append(len(data))
    return data, records, ends


@UNHURRIED
@given(WRITTEN)
def test_what_is_written_is_read(written):
    """Every record comes back with its owner, in order."""
    data, records, _ = laid_out(written)
    assert read_entries(data) == (records, 0)


@UNHURRIED
@given(WRITTEN, st.integers(min_value=0))
def test_a_file_cut_anywhere_gives_the_whole_records_before_the_cut(written, cut):
    """A kill in the middle of a write costs the record that was being written, and no other."""
    data, records, ends = laid_out(written)
    cut %= len(data) + 1
    read, torn = read_entries(data[:cut])
    assert read == [record for record, end in zip(records, ends, strict=True) if end <= cut]
    assert torn == 0 or cut < len(data)


@UNHURRIED
@given(WRITTEN.filter(lambda written: laid_out(written)[0]), st.integers(min_value=0), st.integers(1, 255))
def test_a_byte_changed_anywhere_gives_the_records_before_it(written, place, change):
    """A damaged entry is never sent: it ends what is read."""
    data, records, ends = laid_out(written)
    place %= len(data)
    damaged = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]
    read, torn = read_entries(damaged)
    assert read == [record for record, end in zip(records, ends, strict=True) if end <= place]
    assert torn > 0


@UNHURRIED
@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data):
    """What never was a segment is no error: there is nothing in it."""
    assert read_entries(data) == ([], len(data))


@UNHURRIED
@given(WRITTEN)
def test_a_power_cut_that_leaves_zeros_ends_what_is_read(written):
    """File systems may lengthen a file before its data is there."""
    data, records, _ = laid_out(written)
    assert read_entries(data + bytes(50)) == (records, 50)


def test_an_owner_read_back_makes_the_same_request():
    """On the wire a record from disk cannot be told from one that never was there."""
    data = owner_entry(7, OWNER) + record_entry(7, b"record")
    assert encode_request(read_entries(data).records) == encode_request([(RESOURCE, SCOPE, b"record")])
