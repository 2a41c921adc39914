"""A detector of the shipped kind with random weights: the same graph and engines, 32 px views, three blocks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import timm
import torch

from detector.cards import SCHEMA
from detector.models.graph import Probe, Shape, build_graph

TINY = Shape(size=32, patch=16, width=64, heads=2, blocks=3)


def tiny_tower() -> torch.nn.Module:
    """timm's CLIP tower in small, seeded."""
    torch.manual_seed(0)
    return timm.create_model(
        "vit_base_patch16_clip_quickgelu_224.openai",
        pretrained=False,
        num_classes=0,
        img_size=32,
        embed_dim=64,
        depth=3,
        num_heads=2,
    ).eval()


def write_tiny_detector(folder: Path, **changes: object) -> Path:
    """model.onnx and card.json in `folder`; `changes` replace top-level fields. Returns the card's path."""
    state = {name: value.numpy() for name, value in tiny_tower().state_dict().items()}
    weight = np.random.default_rng(0).normal(0, 0.1, (3, 3, 64)).astype(np.float32)
    onnx.save(build_graph(state, TINY, Probe(weight, 0.25)), folder / "model.onnx")
    card = {
        "schema": SCHEMA,
        "name": "tiny",
        "version": "7",
        "model": {
            "file": "model.onnx",
            "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
            "architecture": "vit_base_patch16_clip_quickgelu_224.openai",
            "options": {"img_size": 32, "embed_dim": 64, "depth": 3, "num_heads": 2},
            "probe": {"blocks": [0, 1, 2], "statistics": ["class", "mean", "deviation"]},
        },
        "preprocessing": {"size": 32, "places": [[0.5, 0.5], [0.0, 0.0]], "mean": [0.5] * 3, "std": [0.25] * 3},
        "limits": {"smallest_side": 24, "least_deviation": 2.0},
        "calibration": {"scale": 2.0, "offset": -0.5},
        "prior": 0.5,
        "default_operating_point": "fpr-1%",
        "operating_points": [
            {"name": "fpr-1%", "threshold_llr": 3.0, "target_fpr": 0.01, "fpr_interval": [0.005, 0.018], "n_real": 1000},
            {"name": "fpr-5%", "threshold_llr": 1.0, "target_fpr": 0.05, "fpr_interval": [0.04, 0.065], "n_real": 1000},
        ],
    }
    (folder / "card.json").write_text(json.dumps({**card, **changes}))
    return folder / "card.json"
