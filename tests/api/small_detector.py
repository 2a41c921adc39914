"""A detector of a few hundred bytes, run by the real ONNX Runtime engine: its logit is the mean of its normalised input."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

SIZE = 32


def write_small_detector(folder: Path, **changes: Any) -> Path:
    """Weights and a card for them in `folder`; `changes` replace members of the card. Returns the card's path."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["images", "axes"], ["logits"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    weights = model.SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.onnx").write_bytes(weights)
    card = {
        "schema": "assay-detector-card/1",
        "name": "small",
        "version": "1",
        "model": {"file": "weights.onnx", "sha256": hashlib.sha256(weights).hexdigest(), "architecture": "none"},
        "preprocessing": {"size": SIZE, "places": [[0.5, 0.5]], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        "limits": {"smallest_side": 32, "least_deviation": 2.0},
        "calibration": {"scale": 1.0, "offset": 0.0},
        "prior": 0.01,
        "operating_points": [
            {"name": "fpr-1%", "threshold_llr": 3.0, "target_fpr": 0.01, "fpr_interval": [0.005, 0.018], "n_real": 1000}
        ],
        "default_operating_point": "fpr-1%",
    }
    path = folder / "card.json"
    path.write_text(json.dumps({**card, **changes}))
    return path
