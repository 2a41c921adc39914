"""AUC over left-out generators against left-out sources, with the metadata-only control beside it, as JSON.

    python -m benchmarks.detector_folds --data DIR [--predictions FILE] [--out FILE]

Reads the out-of-fold predictions that training wrote, checks that every image's fold is the one `detector.splits` makes
for this table, and measures. Intervals: images drawn anew within generators, sources as wholes, 2,000 times.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import publish
from detector.audit import aligned_metadata, control_scores, raw_metadata
from detector.cards import read_card
from detector.data import judged, read_table
from detector.evaluation.left_out import MIN_IMAGES, LeftOut, LeftOutResult
from detector.evaluation.metrics import FloatArray
from detector.evaluation.predictions import read_predictions
from detector.splits import fold_of_rows

RESULTS = Path(__file__).parent / "results" / "detector"


def measure(data: Path, predictions: Path, replicates: int) -> dict[str, Any]:
    """The whole result."""
    rows = tuple(row for row in read_table(data) if judged(row))
    folds = fold_of_rows(rows)
    by_digest = {row.sha256: row for row in read_predictions(predictions)}
    moved = [row.sha256 for row, fold in zip(rows, folds, strict=True) if by_digest[row.sha256].fold != fold]
    if moved or len(by_digest) != len(rows):
        raise SystemExit(f"{predictions} is of another table or other folds: {len(moved)} images differ")
    logits = np.asarray([by_digest[row.sha256].logit for row in rows], np.float64)
    left_out = LeftOut(rows, folds)
    macro, worst = left_out.interval(logits, replicates=replicates, seed=0)
    synthetic, fold_array = np.asarray([row.synthetic for row in rows]), np.asarray(folds)

    def control(features: FloatArray) -> dict[str, float]:
        result = left_out.result(control_scores(features, synthetic, fold_array))
        return {"macro_auc": result.macro_auc, "min_auc": result.min_auc}

    card = read_card()
    return {
        "claim": "mean AUC over left-out generators against left-out sources, format-aligned",
        "detector": card.detector_name,
        "weights_sha256": card.weights_sha256,
        "images": len(rows),
        "min_images_per_generator": MIN_IMAGES,
        "macro_auc_interval_95": macro,
        "min_auc_interval_95": worst,
        "bootstrap_replicates": replicates,
        **_table(left_out.result(logits)),
        "control_metadata_only": {
            "raw_files": control(raw_metadata(rows)),
            "after_alignment": control(aligned_metadata(rows, card.preprocessing.policy.size)),
        },
    }


def _table(result: LeftOutResult) -> dict[str, Any]:
    def line(item: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"generator": item.generator, "fold": item.fold, "n": item.n, "auc": round(item.auc, 4)}

    return {
        "macro_auc": result.macro_auc,
        "min_auc": result.min_auc,
        "generators": [line(item) for item in result.generators],
        "pooled_smaller_generators": [line(item) for item in result.pooled_others],
    }


def main() -> None:
    """Print the result, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, default=RESULTS / "out_of_fold.csv")
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    publish("detector_folds", measure(given.data, given.predictions, given.replicates), given.out)


if __name__ == "__main__":
    main()
