"""Fit a linear probe from additive moments: ridge regression on the class sign, in closed form.

Moments of separate rows add up, so the fit that leaves out any folds is the sum of the others': nested cross-validation
costs one pass over the features. No iteration, no random start: equal rows give equal weights.

Source: Hoerl and Kennard, Ridge Regression, 1970; Fisher's discriminant is the same up to scale for balanced classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch


@dataclass(slots=True)
class Moments:
    """Weighted zeroth, first and second moments of the rows of one class."""

    weight: float
    first: torch.Tensor
    """Shape (D,), float64."""
    second: torch.Tensor
    """Shape (D, D), float32; rows are centred near their mean beforehand, or float32 would not do."""

    @classmethod
    def of(cls, rows: torch.Tensor, weights: torch.Tensor) -> Moments:
        """Moments of `rows`, float32 shape (N, D), each counted `weights` times, shape (N,)."""
        scaled = rows * weights.sqrt()[:, None]
        first = (rows.double() * weights.double()[:, None]).sum(0)
        return cls(float(weights.double().sum()), first, scaled.T @ scaled)


@dataclass(frozen=True, slots=True)
class LinearFit:
    """Score of a row: `rows @ weight + bias`."""

    weight: torch.Tensor
    """Shape (D,), float64."""
    bias: float


def fit(positive: Iterable[Moments], negative: Iterable[Moments], ridge: float) -> LinearFit:
    """The probe that sends positive rows to +1 and negative ones to -1, both classes counting the same.

    Args:
        positive: Moments of synthetic rows; summed.
        negative: Moments of the others; summed.
        ridge: Penalty on the standardised weights, as a share of a standardised dimension's total variance.
    """
    (n1, m1, second1), (n0, m0, second0) = _total(positive), _total(negative)
    centre, gap = (m1 + m0) / 2, (m1 - m0) / 2
    second = (second1 / n1 + second0 / n0) / 2
    covariance = second - torch.outer(centre, centre).float()
    deviation = covariance.diagonal().clamp_min(1e-12).sqrt()
    covariance /= deviation
    covariance /= deviation[:, None]
    covariance.diagonal().add_(ridge * len(centre))
    # Targets are +1 and -1 with equal mass: their covariance with the rows is half the gap between the class means.
    solved = torch.cholesky_solve((gap.float() / deviation)[:, None], torch.linalg.cholesky(covariance))[:, 0]
    weight = (solved / deviation).double()
    return LinearFit(weight, -float(weight @ centre))


def _total(parts: Iterable[Moments]) -> tuple[float, torch.Tensor, torch.Tensor]:
    """Weight, mean and sum of second moments."""
    first_part, *others = parts
    weight, first, second = first_part.weight, first_part.first.clone(), first_part.second.clone()
    for part in others:
        weight += part.weight
        first += part.first
        second += part.second
    return weight, first / weight, second
