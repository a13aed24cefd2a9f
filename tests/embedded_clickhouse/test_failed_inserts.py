"""An INSERT that is not stored is not acknowledged, whatever kept it from being stored."""

import threading

NOT_ENOUGH_SPACE, VIOLATED_CONSTRAINT, THROW_IF, CANNOT_PARSE = 243, 469, 395, 27
FLOOR = "min_free_disk_bytes_to_perform_insert"


def table(server, name, settings=""):
    """Make an empty table of numbers."""
    server.ask("migrator", f"CREATE TABLE otel.{name} (n UInt64) ENGINE = MergeTree ORDER BY n {settings}")


def test_no_space_on_the_disk(server):
    """The Collector is told the code, nothing is stored, and the next INSERT with room is."""
    table(server, "no_space", f"SETTINGS {FLOOR} = 1000000000000000000")
    for _ in range(3):
        assert server.refusal("collector", "INSERT INTO otel.no_space FORMAT TSV\n1\n2\n") == NOT_ENOUGH_SPACE
    assert server.ask("reader", "SELECT count() FROM otel.no_space") == "0\n"
    server.ask("migrator", f"ALTER TABLE otel.no_space RESET SETTING {FLOOR}")
    server.ask("collector", "INSERT INTO otel.no_space FORMAT TSV\n1\n2\n")
    assert server.ask("reader", "SELECT count() FROM otel.no_space") == "2\n"


def test_a_materialised_view_or_a_constraint_that_throws(server):
    """What a view behind the table throws refuses the INSERT, and so does a row that a constraint forbids."""
    table(server, "seen")
    server.ask("migrator", "CREATE TABLE otel.front (n UInt64, CONSTRAINT few CHECK n < 100) ENGINE = Null")
    view = "CREATE MATERIALIZED VIEW otel.front_mv TO otel.seen AS SELECT n + throwIf(n = 13) AS n FROM otel.front"
    server.ask("migrator", view)
    assert server.refusal("collector", "INSERT INTO otel.front FORMAT TSV\n12\n13\n") == THROW_IF
    assert server.refusal("collector", "INSERT INTO otel.front FORMAT TSV\n100\n") == VIOLATED_CONSTRAINT
    server.ask("collector", "INSERT INTO otel.front FORMAT TSV\n12\n")
    assert server.ask("reader", "SELECT groupArray(n) FROM otel.seen") == "[12]\n"


def test_a_statement_that_told_its_failure_itself_is_not_laid_at_the_next_ones_door(server):
    """An INSERT ... SELECT that was refused, or data that could not be read, leaves the next INSERT alone."""
    table(server, "full", f"SETTINGS {FLOOR} = 1000000000000000000")
    table(server, "roomy")
    for _ in range(3):
        assert server.refusal("maintainer", "INSERT INTO otel.full SELECT 1") == NOT_ENOUGH_SPACE
        server.ask("collector", "INSERT INTO otel.roomy FORMAT TSV\n1\n")
        assert server.refusal("collector", "INSERT INTO otel.roomy FORMAT TSV\nx\n") == CANNOT_PARSE
        server.ask("collector", "INSERT INTO otel.roomy FORMAT TSV\n2\n")


def test_what_is_acknowledged_is_stored_while_others_fail(server):
    """Many at once, half of them into a table without room: of the others each acknowledged row is there."""
    table(server, "refuses", f"SETTINGS {FLOOR} = 1000000000000000000")
    table(server, "takes")
    acknowledged = []

    def work(number):
        for each in range(20):
            value = number * 100 + each
            name = "takes" if number % 2 else "refuses"
            answer = server.post("collector", f"INSERT INTO otel.{name} FORMAT TSV\n{value}\n")
            if answer.status_code == 200:
                acknowledged.append((name, value))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name for name, _ in acknowledged} <= {"takes"}
    stored = {int(line) for line in server.ask("reader", "SELECT n FROM otel.takes").split()}
    assert {value for _, value in acknowledged} <= stored
