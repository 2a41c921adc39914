"""From logits to calibrated log-likelihood ratios, and from those to a probability at a stated prior.

Platt scaling: two numbers, which is what out-of-fold scores of a few thousand images can carry. Fitted with both classes
at equal total weight, so that the result is a likelihood ratio and not a posterior of the data set's mix.

Source: Platt, 1999; Brümmer and du Preez, Application-independent evaluation of speaker detection, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Platt:
    """LLR = scale * logit + offset."""

    scale: float
    offset: float

    def llr(self, logit: FloatArray) -> FloatArray:
        """Calibrated LLRs, natural log, in the shape of `logit`; positive favours synthetic."""
        return self.scale * logit + self.offset


def fit_platt(logit: FloatArray, synthetic: NDArray[np.bool_], weight: FloatArray) -> Platt:
    """The scale and offset of least weighted log loss at even odds.

    Args:
        logit: Out-of-fold logits, shape (N,).
        synthetic: Labels, shape (N,).
        weight: How much each image counts within its class, shape (N,); the classes are balanced here.

    Raises:
        ValueError: A class is missing.
    """
    if synthetic.all() or not synthetic.any():
        raise ValueError("calibration needs both classes")
    balanced = weight.astype(np.float64).copy()
    for label in (True, False):
        balanced[synthetic == label] /= 2.0 * balanced[synthetic == label].sum()
    spread = float(np.std(logit)) or 1.0  # Newton's steps are tame on logits of unit spread
    design = np.stack((logit / spread, np.ones_like(logit)), axis=1)
    coefficients = np.zeros(2)
    for _ in range(100):
        p = _expit(design @ coefficients)
        gradient = design.T @ (balanced * (p - synthetic))
        hessian = (design * (balanced * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        coefficients -= step
        if np.abs(step).max() < 1e-12:
            break
    return Platt(float(coefficients[0] / spread), float(coefficients[1]))


def probability(llr: FloatArray, prior: float) -> FloatArray:
    """Posterior probability that each image is synthetic.

    Args:
        llr: Calibrated log-likelihood ratios, natural log, shape (N,). Positive favours synthetic.
        prior: Share of synthetic images expected where this runs, strictly between 0 and 1.

    Returns:
        Probabilities, shape (N,), in the order of `llr`.

    Raises:
        ValueError: `prior` is not strictly between 0 and 1.
    """
    if not 0.0 < prior < 1.0:
        raise ValueError(f"prior must lie strictly between 0 and 1, got {prior}")
    return _expit(llr + np.log(prior / (1.0 - prior)))


def expected_calibration_error(p: FloatArray, synthetic: NDArray[np.bool_], weight: FloatArray, bins: int = 10) -> float:
    """Weighted mean gap between stated probability and observed share, over `bins` bins of equal weight."""
    order = np.argsort(p, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    index = np.minimum((share * bins).astype(int), bins - 1)
    gaps = 0.0
    for at in range(bins):
        inside = order[index == at]
        if len(inside):
            gaps += abs(float((weight[inside] * (p[inside] - synthetic[inside])).sum()))
    return gaps / float(weight.sum())


def _expit(x: FloatArray) -> FloatArray:
    """Logistic function that overflows on neither side."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0 / (1.0 + e), e / (1.0 + e))
