import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from detector.calibration import Platt, expected_calibration_error, fit_platt, probability


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(-0.3, 0.4, 900), rng.normal(0.4, 0.4, 300)])
    return logits, np.arange(1200) >= 900, rng.uniform(0.5, 2.0, 1200)


def test_platt_is_weighted_logistic_regression_at_even_odds(scored):
    logits, synthetic, weight = scored
    balanced = weight.copy()
    for label in (True, False):
        balanced[synthetic == label] /= balanced[synthetic == label].sum()
    reference = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(
        logits[:, None], synthetic, sample_weight=600 * balanced
    )
    found = fit_platt(logits, synthetic, weight)
    assert found.scale == pytest.approx(reference.coef_[0, 0], rel=1e-4)
    assert found.offset == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_platt_of_one_class_is_refused(scored):
    with pytest.raises(ValueError, match="both classes"):
        fit_platt(scored[0], np.ones(1200, bool), scored[2])


def test_llr_is_linear():
    assert Platt(2.0, -1.0).llr(np.asarray([0.0, 3.0])).tolist() == [-1.0, 5.0]


def test_probability_of_no_evidence_is_the_prior():
    assert probability(np.asarray([0.0]), 0.01)[0] == pytest.approx(0.01)
    assert probability(np.asarray([math.log(99)]), 0.01)[0] == pytest.approx(0.5)


def test_probability_does_not_overflow():
    assert probability(np.asarray([-1e4, 1e4]), 0.5).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1])
def test_a_certain_prior_is_refused(prior):
    with pytest.raises(ValueError, match="strictly between"):
        probability(np.zeros(1), prior)


def test_calibration_error_is_the_gap():
    p, synthetic = np.full(100, 0.7), np.arange(100) < 50
    rng = np.random.default_rng(0)
    rng.shuffle(synthetic)
    assert expected_calibration_error(p, synthetic, np.ones(100), bins=1) == pytest.approx(0.2)
