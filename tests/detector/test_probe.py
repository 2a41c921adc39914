import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from detector.probe import Moments, fit


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, (400, 6)).astype(np.float32)
    x[:200] += (1, 0, -1, 0, 0.5, 0)
    return x, np.arange(400) < 200, rng.uniform(0.5, 2.0, 400).astype(np.float32)


def moments(rows, inside):
    x, _, weight = rows
    return Moments.of(torch.from_numpy(x[inside]), torch.from_numpy(weight[inside]))


def test_probe_is_ridge_regression_on_the_class_sign(rows):
    x, positive, weight = rows
    found = fit([moments(rows, positive)], [moments(rows, ~positive)], ridge=0.01)
    balanced = weight.astype(np.float64)
    for label in (True, False):
        balanced[positive == label] /= 2 * balanced[positive == label].sum()
    mean = balanced @ x
    deviation = np.sqrt(balanced @ (x - mean) ** 2)
    reference = Ridge(alpha=0.01 * 6).fit((x - mean) / deviation, np.where(positive, 1.0, -1.0), sample_weight=balanced)
    assert found.weight.numpy() == pytest.approx(reference.coef_ / deviation, abs=1e-4)
    assert x @ found.weight.numpy() + found.bias == pytest.approx(reference.predict((x - mean) / deviation), abs=1e-3)


def test_moments_of_parts_add_up(rows):
    _, positive, _ = rows
    half = np.arange(400) % 2 == 0
    whole = fit([moments(rows, positive)], [moments(rows, ~positive)], ridge=0.01)
    parts = fit(
        [moments(rows, positive & half), moments(rows, positive & ~half)],
        [moments(rows, ~positive & half), moments(rows, ~positive & ~half)],
        ridge=0.01,
    )
    assert parts.weight.numpy() == pytest.approx(whole.weight.numpy(), abs=1e-6)
