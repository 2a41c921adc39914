"""The shortcut audit's metadata-only control: how well the class follows from everything but the pixels.

A detector that scores no better than this control on the same folds has learned the data set. After format alignment
every image is one view of one size in one format, so what is left is how many bytes it takes: texture, which is content.
Needs scikit-learn.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.data import Row
from detector.evaluation.metrics import FloatArray
from detector.features import aligned_draw

COLUMNS = ("is_jpeg", "luma_table_mean", "chroma_table_mean", "width", "height", "bytes_per_pixel")


def described(data: bytes) -> list[float]:
    """`COLUMNS` of one encoded image; table means are 0 where there are no tables."""
    with Image.open(io.BytesIO(data)) as image:
        tables = getattr(image, "quantization", {}) or {}
        means = [float(np.mean(table)) for table in tables.values()] + [0.0, 0.0]
        width, height = image.size
        return [float(image.format == "JPEG"), means[0], means[1], width, height, len(data) / (width * height)]


def raw_metadata(rows: Sequence[Row]) -> FloatArray:
    """`COLUMNS` of the files as they are, shape (N, len(COLUMNS))."""
    return np.asarray([described(row.path.read_bytes()) for row in rows])


def aligned_metadata(rows: Sequence[Row], size: int) -> FloatArray:
    """`COLUMNS` of what the detector sees, the aligned centre view, written as JPEG of one quality."""
    found = []
    for row in rows:
        coded = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(aligned_draw(0).crop(row, size))).save(coded, "JPEG", quality=90)
        found.append(described(coded.getvalue()))
    return np.asarray(found)


def control_scores(features: FloatArray, synthetic: NDArray[np.bool_], folds: NDArray[np.intp]) -> FloatArray:
    """Out-of-fold scores of a random forest on `features`, shape (N,): the control's side of the comparison."""
    from sklearn.ensemble import RandomForestClassifier

    scores = np.zeros(len(features))
    for fold in np.unique(folds):
        inside = folds == fold
        model = RandomForestClassifier(200, min_samples_leaf=5, class_weight="balanced", random_state=0)
        model.fit(features[~inside], synthetic[~inside])
        scores[inside] = model.predict_proba(features[inside])[:, 1]
    return scores
