"""Metrics over scores, as pure functions of arrays. Positive is synthetic, everywhere.

numpy only, so that a result can be recomputed anywhere; tested against scikit-learn and SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Interval(NamedTuple):
    """A value's 95 % interval, unless said otherwise."""

    low: float
    high: float


def auc(negative: FloatArray, positive: FloatArray) -> float:
    """Share of (negative, positive) pairs ranked rightly, ties counting half: the area under the ROC curve.

    Args:
        negative: Scores of images that are not synthetic, shape (N,).
        positive: Scores of synthetic images, shape (M,).

    Raises:
        ValueError: A class is empty.

    Source: Mann and Whitney, 1947.
    """
    if not len(negative) or not len(positive):
        raise ValueError("an AUC needs both classes")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).mean() / (2 * len(negative)))


def threshold_at_fpr(llr_real: FloatArray, target_fpr: float) -> float:
    """Smallest threshold, among observed scores, that flags at most `target_fpr` of `llr_real` (finite, shape (N,)).

    Raises:
        ValueError: There are too few images for the rate: the threshold would be their maximum, not an estimate.
    """
    allowed = math.floor(target_fpr * len(llr_real))
    if allowed < 1:
        raise ValueError(f"{len(llr_real)} real images cannot set a false-positive rate of {target_fpr}")
    return float(np.sort(llr_real)[::-1][allowed])  # flagged means llr > threshold, so ties stay unflagged


def tpr_at_fpr(negative: FloatArray, positive: FloatArray, target_fpr: float) -> float:
    """Share of `positive` above the threshold that flags at most `target_fpr` of `negative`.

    Raises:
        ValueError: As `threshold_at_fpr`.
    """
    return float((positive > threshold_at_fpr(negative, target_fpr)).mean())


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a rate after `hits` in `n` independent trials; (0, 1) when `n` is 0.

    Found by bisection on the binomial tail, which needs no incomplete beta function; accurate to 1e-12.

    Raises:
        ValueError: `hits` lies outside 0 to `n`.

    Source: Clopper and Pearson, 1934.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits in {n} trials")
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else _bisect(lambda rate: 1.0 - _binomial_cdf(hits - 1, n, rate) < tail)
    high = 1.0 if hits == n else _bisect(lambda rate: _binomial_cdf(hits, n, rate) > tail)
    return Interval(low, high)


def grouped_bootstrap(
    groups: Sequence[Hashable], statistic: Callable[[NDArray[np.intp]], float], *, replicates: int, seed: int
) -> Interval:
    """95 % percentile interval of a statistic when whole groups are drawn, not images.

    Args:
        groups: Group of each image, shape (N,): images of one group are not independent.
        statistic: Called with image indices, with repetitions; may return nan for a draw it cannot judge.
        replicates: Number of draws.
        seed: Equal seeds give equal intervals.
    """
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    pools = [np.asarray(indices) for indices in members.values()]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(replicates):
        drawn = rng.integers(0, len(pools), size=len(pools))
        values.append(statistic(np.concatenate([pools[index] for index in drawn])))
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return Interval(float(low), float(high))


def _binomial_cdf(hits: int, n: int, rate: float) -> float:
    """P(X <= hits) for X binomial(n, rate), summed in logs: 1,000 choose 500 overflows a float."""
    if rate <= 0.0:
        return 1.0
    if rate >= 1.0:
        return float(hits >= n)
    k = np.arange(hits + 1)
    log_factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    log_choose = log_factorials[n] - log_factorials[k] - log_factorials[n - k]
    return float(np.exp(log_choose + k * math.log(rate) + (n - k) * math.log1p(-rate)).sum())


def _bisect(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    while high - low > 1e-13:
        middle = (low + high) / 2.0
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2.0
