"""The real ClickHouse engine, asked in a process of its own, for it can be in a process only once."""

import json
import subprocess
import sys
from collections.abc import Sequence

_ASK = """
import chdb, json, sys
connection = chdb.connect(":memory:")
answers = []
for statement in json.load(sys.stdin):
    try:
        answers.append([True, str(connection.query(statement, "JSONCompactEachRow"))])
    except Exception as error:
        answers.append([False, str(error)])
json.dump(answers, sys.stdout)
"""


def ask(statements: Sequence[str]) -> list[tuple[bool, str]]:
    """Whether each statement was accepted, and the answer (a JSON array per row) or what was wrong with it."""
    answer = subprocess.run(
        [sys.executable, "-c", _ASK],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [(bool(accepted), text) for accepted, text in json.loads(answer.stdout)]


def names(statement: str) -> set[str]:
    """The first column of an answer."""
    [(accepted, text)] = ask([statement])
    assert accepted, text
    return {json.loads(line)[0] for line in text.splitlines()}
