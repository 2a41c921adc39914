"""Metrics against independent implementations: scikit-learn and SciPy."""

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

from detector.evaluation.metrics import auc, clopper_pearson, grouped_bootstrap, threshold_at_fpr, tpr_at_fpr


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return np.round(rng.normal(0, 1, 300), 1), np.round(rng.normal(0.7, 1, 200), 1)  # rounded: many ties


def test_auc_is_scikit_learns_with_ties(scores):
    negative, positive = scores
    labels = np.concatenate([np.zeros(300), np.ones(200)])
    assert auc(negative, positive) == pytest.approx(roc_auc_score(labels, np.concatenate(scores)), abs=1e-12)


def test_auc_of_an_empty_class_is_refused(scores):
    with pytest.raises(ValueError, match="both classes"):
        auc(scores[0], np.asarray([]))


def test_threshold_flags_at_most_the_target_and_is_the_smallest_such(scores):
    negative = scores[0]
    threshold = threshold_at_fpr(negative, 0.05)
    assert (negative > threshold).mean() <= 0.05
    lower = negative[negative < threshold].max()
    assert (negative > lower).mean() > 0.05


def test_threshold_from_too_few_images_is_refused():
    with pytest.raises(ValueError, match="99 real images"):
        threshold_at_fpr(np.arange(99.0), 0.01)


def test_tpr_counts_strictly_above_the_threshold():
    negative = np.arange(100.0)
    assert threshold_at_fpr(negative, 0.1) == 89.0
    assert tpr_at_fpr(negative, np.asarray([88.0, 89.0, 90.0, 91.0]), 0.1) == 0.5


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (1, 60), (19, 1983), (500, 1000)])
def test_clopper_pearson_is_the_beta_quantile(hits, n):
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    assert clopper_pearson(hits, n) == pytest.approx((low, high), abs=1e-9)


def test_clopper_pearson_of_nothing_is_everything():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_bootstrap_draws_groups_not_images():
    values = np.asarray([0.0] * 50 + [1.0] * 50)
    groups = ["a"] * 50 + ["b"] * 50

    def mean(index):
        return float(values[index].mean())

    assert grouped_bootstrap(groups, mean, replicates=200, seed=0) == (0.0, 1.0)
    low, high = grouped_bootstrap(range(100), mean, replicates=200, seed=0)
    assert 0.35 < low < high < 0.65
