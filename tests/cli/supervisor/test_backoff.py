from services.cli.supervisor.backoff import Backoff

BACKOFF = Backoff(first_seconds=0.5, longest_seconds=30, forgiven_after_seconds=60)


def test_the_wait_doubles_up_to_its_limit():
    """0.5 s, 1 s, 2 s ... and never more than the longest wait, however often it crashed."""
    assert [BACKOFF.delay_seconds(n) for n in (1, 2, 3, 7, 8, 100_000)] == [0.5, 1, 2, 30, 30, 30]


def test_a_long_life_is_forgiven():
    """A process that was up long enough crashes for the first time again."""
    assert BACKOFF.crashes_in_a_row(5, up_seconds=59.9) == 6
    assert BACKOFF.crashes_in_a_row(5, up_seconds=60) == 1
