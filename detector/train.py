"""Train the detector that ships: `python -m detector.train --data DIR --backbone FILE --out DIR`.

Features of a frozen backbone, a linear probe on the class tokens of all its blocks, joint folds over generators and
sources, calibration and operating points on out-of-fold scores, one ONNX file and its card. Two variants are fitted, on
all rows and on permissively licensed rows only; the second one ships unless it loses more than 0.02 macro AUC.

Features and fits are kept in the cache folder: a killed run goes on where it was. No random numbers but the seeded draws.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from detector.card_writer import Trained, write_card
from detector.crossfit import CrossFit, Table, cross_fit
from detector.data import Row, judged, read_table
from detector.evaluation.left_out import LeftOut
from detector.evaluation.predictions import Prediction, write_predictions
from detector.features import Backbone, Draw, aligned_draw, augmented_draw, extract
from detector.licences import permissive
from detector.models.graph import Probe, Shape, build_graph
from detector.models.tower import build_tower, fold_quick_gelu
from detector.probe import LinearFit
from detector.splits import fold_of_rows, write_folds

ARCHITECTURE = "vit_base_patch16_clip_quickgelu_224.openai"
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
TOLERANCE = 0.02
"""Macro AUC that permissive terms may cost."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which draws are trained on and which are scored; decides time and the number of views at scoring."""

    places: int = 2
    """Aligned views per image, in training and scoring."""
    augmented: int = 2
    """Augmented draws per image, in training only."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the whole training; see the module."""
    parser = argparse.ArgumentParser(prog="python -m detector.train", description="Train the detector that ships.")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the images")
    parser.add_argument("--backbone", type=Path, required=True, help=f"safetensors file for timm's {ARCHITECTURE}")
    parser.add_argument("--out", type=Path, required=True, help="where model, card, folds and out-of-fold scores go")
    parser.add_argument("--cache", type=Path, default=None, help="features and fits; default: OUT/cache")
    parser.add_argument("--places", type=int, default=Plan().places, help="views per image")
    parser.add_argument("--augmented", type=int, default=Plan().augmented, help="augmented draws per image")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args(argv)
    torch.set_num_threads(given.threads)
    train(given.data, given.backbone, given.out, given.cache or given.out / "cache", Plan(given.places, given.augmented))


def train(data: Path, weights: Path, out: Path, cache: Path, plan: Plan) -> None:
    """Train, choose the variant, and write model.onnx, card.json, folds.csv and out_of_fold.csv to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    rows = tuple(row for row in read_table(data) if judged(row))
    folds = tuple(fold_of_rows(rows))
    write_folds(rows, out / "folds.csv")
    aligned, augmented = _features(rows, weights, cache, plan)
    scored = np.mean(aligned, axis=0)
    fits: dict[str, CrossFit] = {}
    macros: dict[str, float] = {}
    for variant, used in (("all", np.ones(len(rows), bool)), ("permissive", _permissive_rows(rows))):
        table = Table(rows, folds, (*aligned, *augmented), scored, used)
        fits[variant] = _kept(cache, f"{variant}-{plan.places}-{plan.augmented}", table)
        macros[variant] = LeftOut(rows, folds).result(fits[variant].logits).macro_auc
        print(f"{variant}: {int(used.sum())} rows, macro AUC over left-out generators {macros[variant]:.4f}")  # noqa: T201
    chosen = "permissive" if macros["permissive"] >= macros["all"] - TOLERANCE else "all"
    used = _permissive_rows(rows) if chosen == "permissive" else np.ones(len(rows), bool)
    model = _write_model(weights, fits[chosen].final, out / "model.onnx")
    trained = Trained(
        rows=rows,
        folds=folds,
        used=tuple(bool(use) for use in used),
        fit=fits[chosen],
        variant=chosen,
        macro_by_variant=macros,
        places=tuple(aligned_draw(index).place or (0.5, 0.5) for index in range(plan.places)),
        augmented=plan.augmented,
        architecture=ARCHITECTURE,
        mean=MEAN,
        std=STD,
        backbone_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        model=model,
    )
    platt = write_card(trained, out / "card.json")
    llr = platt.llr(fits[chosen].logits)
    write_predictions(
        (
            Prediction(row.sha256, row.source, row.generator, row.synthetic, fold, float(logit), float(value))
            for row, fold, logit, value in zip(rows, folds, fits[chosen].logits, llr, strict=True)
        ),
        out / "out_of_fold.csv",
    )


def _features(
    rows: Sequence[Row], weights: Path, cache: Path, plan: Plan
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Class tokens of all blocks, shape (N, blocks * width), per aligned and per augmented draw."""
    model = build_tower(ARCHITECTURE, weights)
    fold_quick_gelu(model)
    backbone = Backbone(model.bfloat16(), hashlib.sha256(weights.read_bytes()).hexdigest(), MEAN, STD)

    def tokens(draw: Draw) -> NDArray[np.float32]:
        found = extract(rows, draw, backbone, cache)
        return found[:, :, 0].reshape(len(rows), -1).astype(np.float32)

    aligned = [tokens(aligned_draw(index)) for index in range(plan.places)]
    return aligned, [tokens(augmented_draw(index)) for index in range(plan.augmented)]


def _permissive_rows(rows: Sequence[Row]) -> NDArray[np.bool_]:
    return np.asarray([permissive(row.licence) for row in rows])


def _kept(cache: Path, name: str, table: Table) -> CrossFit:
    """The fit of that name from the cache, or made and put there."""
    path = cache / f"fit-{name}.npz"
    if path.exists():
        with np.load(path) as kept:
            final = LinearFit(torch.from_numpy(kept["weight"]), float(kept["bias"]))
            return CrossFit(kept["logits"], tuple(kept["ridges"].tolist()), float(kept["final_ridge"]), final)
    found = cross_fit(table)
    partial = path.with_suffix(".tmp.npz")
    np.savez(
        partial,
        logits=found.logits,
        ridges=np.asarray(found.ridges),
        final_ridge=found.final_ridge,
        weight=found.final.weight.numpy(),
        bias=found.final.bias,
    )
    os.replace(partial, path)
    return found


def _write_model(weights: Path, fitted: LinearFit, path: Path) -> Path:
    state = {name: tensor.float().numpy() for name, tensor in load_file(weights).items()}
    shape = Shape(size=224, patch=16, width=768, heads=12, blocks=12)
    weight = np.zeros((shape.blocks, 3, shape.width), np.float32)
    weight[:, 0] = fitted.weight.numpy().reshape(shape.blocks, shape.width)
    partial = path.with_suffix(".tmp")
    onnx.save(build_graph(state, shape, Probe(weight, fitted.bias)), partial)
    os.replace(partial, path)
    return path


if __name__ == "__main__":
    main()
