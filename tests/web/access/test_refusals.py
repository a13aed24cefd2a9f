"""docs/telemetry.md says what the gate counts."""

from pathlib import Path

from services.web.access.refusals import TERMS

DOCUMENT = Path(__file__).parents[3] / "docs" / "telemetry.md"


def test_the_document_has_the_terms_word_for_word():
    """Every row, in this order, and none besides."""
    expected = [
        f"| `{term.name}` | {term.kind} | {term.type} | {', '.join(f'`{place}`' for place in term.found_on)} "
        f"| {term.meaning} |"
        for term in TERMS
    ]
    text = (
        DOCUMENT.read_text(encoding="utf-8").partition("## What both APIs add at their edge")[2].partition("\n## ")[0]
    )
    assert [line for line in text.splitlines() if line.startswith("| `")] == expected
