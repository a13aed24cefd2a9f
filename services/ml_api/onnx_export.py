"""A fitted gradient boosting as an ONNX graph that takes categories as text and numbers as they are.

skl2onnx does the same for more kinds of model, but its tree export does not work with the protobuf version that the
OpenTelemetry exporter needs (booleans in an integer attribute). Training compares the result with scikit-learn.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from onnx import TensorProto, checker, helper

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

UNKNOWN_CODE: Final = -1.0
_IR_VERSION: Final = 8
_OPSETS: Final = {"": 17, "ai.onnx.ml": 3}


def export(
    model: "HistGradientBoostingClassifier", *, name: str, categories: Mapping[str, Sequence[str]], numbers: int
) -> bytes:
    """The serialized graph.

    Inputs: each category as text [N, 1], ``numbers`` as float32 [N, `numbers`] with NaN for null. Output: ``positive``,
    the probability of class 1, [N, 1].

    Args:
        model: A fitted binary classifier whose first columns are category codes.
        name: The graph's name.
        categories: Category feature -> its values in the order of their codes 0, 1, 2, ...
        numbers: How many columns follow the codes.
    """
    inputs = [helper.make_tensor_value_info(feature, TensorProto.STRING, [None, 1]) for feature in categories]
    inputs.append(helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [None, numbers]))
    nodes = [
        helper.make_node(
            "LabelEncoder",
            [feature],
            [f"{feature}_code"],
            domain="ai.onnx.ml",
            keys_strings=list(values),
            values_floats=[float(code) for code in range(len(values))],
            default_float=UNKNOWN_CODE,
        )
        for feature, values in categories.items()
    ]
    codes = [f"{feature}_code" for feature in categories]
    nodes += [
        helper.make_node("Concat", [*codes, "numbers"], ["columns"], axis=1),
        helper.make_node(
            "TreeEnsembleRegressor",
            ["columns"],
            ["log_odds"],
            domain="ai.onnx.ml",
            n_targets=1,
            post_transform="NONE",
            base_values=[float(model._baseline_prediction.item())],  # noqa: SLF001  (scikit-learn has no public way)
            **_trees(model),
        ),
        helper.make_node("Sigmoid", ["log_odds"], ["positive"]),
    ]
    outputs = [helper.make_tensor_value_info("positive", TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph(nodes, name, inputs, outputs)
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    document = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="sightglass")
    checker.check_model(document)
    return bytes(document.SerializeToString(deterministic=True))


def _trees(model: "HistGradientBoostingClassifier") -> dict[str, Any]:
    columns: dict[str, list[Any]] = {
        "nodes_treeids": [],
        "nodes_nodeids": [],
        "nodes_featureids": [],
        "nodes_values": [],
        "nodes_modes": [],
        "nodes_truenodeids": [],
        "nodes_falsenodeids": [],
        "nodes_missing_value_tracks_true": [],
        "target_treeids": [],
        "target_nodeids": [],
        "target_ids": [],
        "target_weights": [],
    }
    for tree, (predictor,) in enumerate(model._predictors):  # noqa: SLF001  (as above)
        for number, node in enumerate(predictor.nodes):
            leaf = bool(node["is_leaf"])
            columns["nodes_treeids"].append(tree)
            columns["nodes_nodeids"].append(number)
            columns["nodes_featureids"].append(0 if leaf else int(node["feature_idx"]))
            columns["nodes_values"].append(0.0 if leaf else _at_most(node["num_threshold"]))
            columns["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            columns["nodes_truenodeids"].append(0 if leaf else int(node["left"]))
            columns["nodes_falsenodeids"].append(0 if leaf else int(node["right"]))
            columns["nodes_missing_value_tracks_true"].append(0 if leaf else int(node["missing_go_to_left"]))
            if leaf:
                columns["target_treeids"].append(tree)
                columns["target_nodeids"].append(number)
                columns["target_ids"].append(0)
                columns["target_weights"].append(float(node["value"]))
    return columns


def _at_most(threshold: float) -> float:
    """The largest float32 not above `threshold`: for float32 inputs ``x <= threshold`` then stays exactly the same."""
    rounded = np.float32(threshold)
    return float(np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > float(threshold) else rounded)
