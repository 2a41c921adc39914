"""Write a detector's card from what training measured: every number comes from out-of-fold scores or from the table."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.calibration import Platt, expected_calibration_error, fit_platt, probability
from detector.cards import DEFAULT_CARD, SCHEMA
from detector.crossfit import RIDGES, CrossFit, row_weights
from detector.data import Row
from detector.evaluation.left_out import MIN_IMAGES, LeftOut
from detector.evaluation.metrics import FloatArray
from detector.operating_point import MeasuredPoint, choose

VERSION = "1"
PRIOR = 0.5
TARGETS = (0.05, 0.01, 0.001)
DEFAULT_POINT = "fpr-1%"
SMALLEST_SIDE = 96
LEAST_DEVIATION = 2.0
REPLICATES = 2000

_LIMITS = (
    "Fitted on native crops of 320 px: pictures resized strongly after generation are outside what it knows.",
    "Local edits, inpainting and face swaps are not localised and mostly not found: their share of a view is small.",
    "Digital art, cartoons and posters made by people score higher than photographs; see the rates by source.",
    "GAN faces (StyleGAN2) are near chance when no GAN was trained on.",
    "A calibrated likelihood ratio holds for pictures like those it was calibrated on; other sources shift it.",
    "A low score is no evidence that a picture is a photograph: the verdict stays inconclusive.",
)

_SELECTION = (
    "the ridge by nested folds; class tokens of all blocks were taken after comparing 19 feature sets, three row weightings "
    "and a between-source penalty on these same folds (one view), and the grid of ridges and one or two views after looking "
    "too: the macro AUC is somewhat optimistic"
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run hands to its card."""

    rows: tuple[Row, ...]
    folds: tuple[int, ...]
    used: tuple[bool, ...]
    """Rows that were trained on."""
    fit: CrossFit
    variant: str
    macro_by_variant: Mapping[str, float]
    places: tuple[tuple[float, float], ...]
    augmented: int
    architecture: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    backbone_sha256: str
    model: Path


def write_card(trained: Trained, path: Path) -> Platt:
    """Calibrate, choose operating points, write the card; returns the calibration."""
    rows = trained.rows
    synthetic = np.asarray([row.synthetic for row in rows])
    weight = row_weights(rows)
    platt = fit_platt(trained.fit.logits, synthetic, weight)
    llr = platt.llr(trained.fit.logits)
    for label in (True, False):
        weight[synthetic == label] /= weight[synthetic == label].sum()
    points, refused = _points(llr, rows)
    card = {
        "schema": SCHEMA,
        "name": DEFAULT_CARD,
        "version": VERSION,
        "licence": "Apache-2.0 for the probe; backbone and training data under the terms below",
        "intended_use": "One piece of evidence among others that a still image was generated. Not for deciding about a person.",
        "model": _model(trained),
        "preprocessing": {
            "size": 224,
            "places": trained.places,
            "mean": trained.mean,
            "std": trained.std,
            "views": "native crops at relative places, never resampled; smaller images are mirrored out",
            "aggregation": "mean logit of the views",
        },
        "limits": {"smallest_side": SMALLEST_SIDE, "least_deviation": LEAST_DEVIATION, "known": _LIMITS},
        "calibration": {
            "kind": "platt",
            "scale": platt.scale,
            "offset": platt.offset,
            "fitted_on": "out-of-fold logits; classes at equal weight, a unit of n images weighs n ** 0.5 within its class",
            "n": len(rows),
            "expected_calibration_error": expected_calibration_error(probability(llr, PRIOR), synthetic, weight),
        },
        "prior": PRIOR,
        "default_operating_point": DEFAULT_POINT,
        "operating_points": [_point(point, llr, rows, trained.folds) for point in points],
        "not_certifiable": refused,
        "evaluation": _evaluation(trained),
        "training": _training(trained),
    }
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return platt


def _points(llr: FloatArray, rows: Sequence[Row]) -> tuple[list[MeasuredPoint], list[str]]:
    kept = np.asarray([not row.synthetic for row in rows])
    sources = [row.source for row in rows if not row.synthetic]
    points, refused = [], []
    for target in TARGETS:
        try:
            points.append(choose(llr[kept], sources, target))
        except ValueError as err:
            refused.append(str(err))
    return points, refused


def _point(measured: MeasuredPoint, llr: FloatArray, rows: Sequence[Row], folds: Sequence[int]) -> dict[str, Any]:
    point = measured.point
    table = LeftOut(rows, folds).result(llr)
    generators = {result.generator for result in table.generators}
    rates = {
        name: float((llr[np.asarray([row.generator == name for row in rows])] > point.threshold_llr).mean())
        for name in sorted(generators)
    }
    return {
        "name": point.name,
        "threshold_llr": point.threshold_llr,
        "target_fpr": point.target_fpr,
        "fpr": sum(rate.flagged for rate in measured.sources) / point.n_real,
        "fpr_interval": point.fpr_interval,
        "n_real": point.n_real,
        "worst_source": measured.sources[0].source,
        "sources": [
            {"source": rate.source, "n": rate.n, "fpr": rate.rate, "interval": rate.interval} for rate in measured.sources
        ],
        "macro_tpr": float(np.mean(list(rates.values()))),
        "tpr_by_generator": rates,
    }


def _model(trained: Trained) -> dict[str, Any]:
    data = trained.model.read_bytes()
    return {
        "file": trained.model.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "format": "ONNX opset 18; matrices int8 per output channel, computed in float32",
        "input": "images float32 (N, 3, 224, 224)",
        "output": "logits float32 (N,), one per view, positive favours synthetic",
        "architecture": trained.architecture,
        "backbone": {
            "name": "OpenAI CLIP ViT-B/16, image tower, frozen",
            "licence": "MIT",
            "safetensors_sha256": trained.backbone_sha256,
        },
        "probe": {"blocks": list(range(12)), "statistics": ["class"], "fit": "ridge regression on the class sign"},
    }


def _evaluation(trained: Trained) -> dict[str, Any]:
    left_out = LeftOut(trained.rows, trained.folds)
    result = left_out.result(trained.fit.logits)
    macro, worst = left_out.interval(trained.fit.logits, replicates=REPLICATES, seed=0)
    return {
        "protocol": "five joint folds, each leaving out generator families and sources together; format-aligned; AUC of each "
        f"generator of {MIN_IMAGES} images or more against its own fold's other images",
        "macro_auc": result.macro_auc,
        "macro_auc_interval": macro,
        "min_auc": result.min_auc,
        "min_auc_interval": worst,
        "generators": [{"generator": r.generator, "fold": r.fold, "n": r.n, "auc": r.auc} for r in result.generators],
        "pooled_others": [{"fold": r.fold, "n": r.n, "auc": r.auc} for r in result.pooled_others],
        "macro_auc_by_variant": dict(trained.macro_by_variant),
    }


def _training(trained: Trained) -> dict[str, Any]:
    used = [row for row, use in zip(trained.rows, trained.used, strict=True) if use]
    sources = []
    for source, licence in sorted({(row.source, row.licence) for row in used}):
        inside = [row for row in used if (row.source, row.licence) == (source, licence)]
        sources.append(
            {
                "source": source,
                "terms": licence,
                "synthetic": sum(row.synthetic for row in inside),
                "not_synthetic": sum(not row.synthetic for row in inside),
                "generators": sorted({row.generator for row in inside if row.synthetic}),
            }
        )
    return {
        "variant": trained.variant,
        "images": len(used),
        "synthetic": sum(row.synthetic for row in used),
        "table_sha256": hashlib.sha256("\n".join(row.sha256 for row in used).encode()).hexdigest(),
        "history": "every image of both classes: first JPEG if it had none, then one to three JPEG or WebP passes, seeded",
        "draws": {"aligned_places": len(trained.places), "augmented": trained.augmented},
        "ridge": trained.fit.final_ridge,
        "ridges_tried": list(RIDGES),
        "ridge_by_fold": list(trained.fit.ridges),
        "selection": _SELECTION,
        "sources": sources,
    }
