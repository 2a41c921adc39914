import io

import numpy as np
import pytest
from PIL import Image

from detector.audit import control_scores, described
from detector.evaluation.metrics import auc


def coded(name, **options):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(stream, name, **options)
    return stream.getvalue()


def test_a_jpegs_tables_and_size_are_described():
    data = coded("JPEG", quality=50)
    found = described(data)
    assert found[0] == 1.0
    assert found[1] == pytest.approx(np.mean(Image.open(io.BytesIO(data)).quantization[0]))
    assert found[3:5] == [40, 20]
    assert found[5] == pytest.approx(len(data) / 800)


def test_a_file_without_tables_has_zeros():
    assert described(coded("WEBP", lossless=True))[:3] == [0.0, 0.0, 0.0]


def test_the_control_finds_a_shortcut_and_only_out_of_fold():
    rng = np.random.default_rng(0)
    synthetic, folds = np.arange(400) % 2 == 0, np.arange(400) // 80
    leaking = np.stack([synthetic + rng.normal(0, 0.1, 400), rng.normal(0, 1, 400)], axis=1)
    scores = control_scores(leaking, synthetic, folds)
    assert auc(scores[~synthetic], scores[synthetic]) > 0.99
    scores = control_scores(leaking[:, 1:], synthetic, folds)
    assert auc(scores[~synthetic], scores[synthetic]) < 0.6
