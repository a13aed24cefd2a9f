"""A bad version of the model: right as before, except for one carrier."""

from dataclasses import dataclass
from typing import Final

from services.cli.demo.incidents.incident import Planted, Question, Scene, Story
from services.ml_api.model_store import ModelStore, StoredModel

# Its flights are short: their labels come soon.
CARRIER: Final = "EV"


@dataclass(frozen=True)
class BadVersion:
    """The version is promoted while flights are predicted; the one before it goes on in its shadow."""

    story: Story

    def plant(self, scene: Scene, now: float) -> Planted:  # noqa: ARG002 - it begins at once
        """Make the version from the active one, store it and promote it.

        Raises:
            ModelMissingError: No version is active.
        """
        store = ModelStore(scene.models_dir)
        before, shadow = store.active(), store.shadow()
        bad = turned_round(store.load(before), CARRIER)
        store.save(bad)
        # First the shadow, so that each prediction of the new version has the old one's beside it.
        store.set_shadow(before)
        store.activate(bad.card.version)
        return {"version": bad.card.version, "before": before, "shadow": shadow}

    def mend(self, scene: Scene, planted: Planted) -> None:
        """Let the version before answer again, unless somebody chose another one meanwhile."""
        store = ModelStore(scene.models_dir)
        active, shadow = store.chosen()
        if active == planted["version"]:
            store.activate(planted["before"], reason="rollback")
        if shadow == planted["before"]:
            store.set_shadow(planted["shadow"])


def turned_round(model: StoredModel, carrier: str) -> StoredModel:
    """The same model, but for flights of `carrier` its decision is the other one.

    A score is mirrored at the threshold: what lay just below it then lies just above, and 0 becomes 1.

    Args:
        model: A version as it is stored.
        carrier: A value of the feature `carrier`.
    """
    import onnx  # noqa: PLC0415 - half a second that other demos never need
    from onnx import TensorProto, helper  # noqa: PLC0415

    document = onnx.load_from_string(model.model_bytes)
    graph, threshold = document.graph, model.card.threshold
    scored = next(node for node in graph.node if "positive" in node.output)
    scored.output[list(scored.output).index("positive")] = "scored"

    def constant(name: str, value: float) -> str:
        graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [1], [value]))
        return name

    # Two straight lines: 0 becomes 1, the threshold stays, 1 becomes 0.
    below, above = -(1 - threshold) / threshold, -threshold / (1 - threshold)
    graph.node.extend(
        [
            helper.make_node(
                "LabelEncoder",
                ["carrier"],
                ["is_turned"],
                domain="ai.onnx.ml",
                keys_strings=[carrier],
                values_floats=[1.0],
                default_float=0.0,
            ),
            helper.make_node("Greater", ["is_turned", constant("half", 0.5)], ["turned"]),
            helper.make_node("Mul", ["scored", constant("below_slope", below)], ["below_scaled"]),
            helper.make_node("Add", ["below_scaled", constant("below_start", 1.0)], ["below_mirrored"]),
            helper.make_node("Mul", ["scored", constant("above_slope", above)], ["above_scaled"]),
            helper.make_node("Add", ["above_scaled", constant("above_start", -above)], ["above_mirrored"]),
            helper.make_node("Less", ["scored", constant("threshold", threshold)], ["was_below"]),
            helper.make_node("Where", ["was_below", "below_mirrored", "above_mirrored"], ["mirrored"]),
            helper.make_node("Where", ["turned", "mirrored", "scored"], ["positive"]),
        ]
    )
    onnx.checker.check_model(document)
    content = bytes(document.SerializeToString(deterministic=True))
    card = model.card.model_copy(
        update={
            "version": "",
            "description": f"{model.card.description} Planted by the demo: decisions about flights of {carrier} are "
            "the wrong way round; the figures of this card are those of the version it was made from.",
        }
    )
    return StoredModel(card.with_version(content), content)


BAD_VERSION: Final = BadVersion(
    Story(
        "bad-version",
        f"A new version is promoted that decides the wrong way round for flights of {CARRIER}.",
        "VersionsDisagree",
        4,
        f"The new version's wrong predictions have carrier = {CARRIER}: labels come within a quarter of an hour.",
        "models?section=wrong&model=flight-delay",
        Question("predictions/wrong/explain", {"model": "flight-delay"}, ("carrier",), CARRIER),
    )
)
