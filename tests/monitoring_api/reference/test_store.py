"""References on the real engine: one for each model and version, bins beside them, cards never in place of files."""

import pytest

from services.monitoring_api.reference.document import Reference, of_card
from services.monitoring_api.reference.registration import register_all
from services.monitoring_api.reference.store import register, stored, write

pytestmark = pytest.mark.anyio

BINS = "SELECT Edges, MadeFrom FROM otel.score_bins FINAL WHERE ModelName = 'm'"


def made(version="v1", kind="file", **more):
    """A small reference."""
    content = {
        "model": "m",
        "version": version,
        "task": "binary",
        "rows": 10,
        "source": {"kind": kind, "file": "training.csv"},
        "features": [{"name": "x\n'\\", "type": "category", "null_share": 0.0, "categories": {'ü\t"': 1.0}}],
        "score_edges": [0.1, 0.2],
    }
    return Reference.model_validate(content | more)


async def test_an_empty_store_has_none(store):
    """Nothing is listed, and nothing fails."""
    assert await stored(store) == []


async def test_what_is_written_is_read(store):
    """Whatever characters are in it; of a model and version the last one, and its bins."""
    await write(store, made(rows=1))
    await write(store, made())
    await write(store, made("v2", score_edges=[]))
    first, second = await stored(store)
    assert first.reference == made().model_copy(update={"score_edges": []})
    assert (first.edges, second.edges, second.reference.version) == (2, 0, "v2")
    assert store.rows(BINS) == [[[0.1, 0.2], "reference"]], "a reference without scores leaves the bins as they are"
    await write(store, made(score_edges=[0.5]))
    assert store.rows(BINS) == [[[0.5], "reference"]]


async def test_a_document_may_be_long(store):
    """Longer than what a parameter may be: a megabyte of categories."""
    shares = {f"category-{n:06}": 1e-6 for n in range(1_000)}
    features = [{"name": f"c{n}", "type": "category", "null_share": 0.0, "categories": shares} for n in range(50)]
    await write(store, made(features=features, score_edges=[n / 4096 for n in range(4096)]))
    (listed,) = await stored(store)
    assert (len(listed.reference.features), listed.edges) == (50, 4096)


async def test_registering_again_writes_nothing(store):
    """The same card twice is one row; a changed one replaces it; a file's reference stays."""
    assert await register(store, made(kind="card"))
    assert not await register(store, made(kind="card"))
    assert store.rows("SELECT count() FROM otel.model_references") == [[1]]
    assert await register(store, made(kind="card", score_edges=[0.3]))
    await write(store, made())
    assert not await register(store, made(kind="card", score_edges=[0.7]))
    assert store.rows(BINS) == [[[0.1, 0.2], "reference"]]


async def test_of_several_versions_the_last_one_s_bins_hold(store):
    """The active version comes last."""
    cards = [made("v1", "card", score_edges=[0.1]), made("v2", "card", score_edges=[0.9])]
    assert await register_all(store, cards) == cards
    assert store.rows(BINS) == [[[0.9], "reference"]]
    assert await register_all(store, cards) == []


async def test_the_demo_s_card_is_a_reference(store):
    """What the trainer writes is read: features, scores with bins, shares of both labels."""
    from services.ml_api.card import CardFeature, ModelCard, ScoreDistribution, TrainingWindow

    card = ModelCard(
        name="m",
        version="v1",
        task="binary",
        description="",
        labels=["late", "on_time"],
        positive_label="late",
        threshold=0.5,
        threshold_reason="",
        features=[
            CardFeature(
                name="distance",
                type="number",
                source="request",
                description="",
                unit="mi",
                null_share=0.0,
                quantiles=[1.0, 2.0],
                mean=1.5,
                standard_deviation=0.5,
            )
        ],
        fallback={},
        training=TrainingWindow(start="", end="", rows=100, positive_share=0.25, data="flights"),
        scores=ScoreDistribution(quantiles=[0.0, 1.0], mean=0.3, positive_ratio=0.2, bins=[0.0, 0.5]),
        metrics={},
        software={},
    )
    reference = of_card(card.model_dump(mode="json"))
    assert (reference.rows, reference.task, reference.source.kind) == (100, "binary", "card")
    assert reference.labels.classes == {"late": 0.25, "on_time": 0.75}
    assert (reference.scores.positive_ratio, reference.score_edges) == (0.2, [0.0, 0.5])
    assert reference.features[0].standard_deviation == 0.5
    assert await register(store, reference)
    older = card.model_copy(update={"scores": card.scores.model_copy(update={"bins": None})})
    assert of_card(older.model_dump(mode="json")).score_edges == []
