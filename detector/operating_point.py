"""Choose thresholds on images that are not synthetic, and record how sure the choice is.

One pooled threshold hides what each source suffers, so the rate of every source is kept beside it. A rate that the
images at hand cannot carry is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.evaluation.metrics import FloatArray, Interval, clopper_pearson, threshold_at_fpr
from provenance.evidence import OperatingPoint

MIN_EXPECTED_HITS = 10
"""With fewer allowed false positives a threshold is refused. 10 pin a rate (95 %) within a factor of four, 5 within seven."""


@dataclass(frozen=True, slots=True)
class SourceRate:
    """False positives on one source."""

    source: str
    n: int
    flagged: int
    interval: Interval

    @property
    def rate(self) -> float:
        """Share flagged."""
        return self.flagged / self.n


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """An operating point and what it does to every source it was chosen on."""

    point: OperatingPoint
    sources: tuple[SourceRate, ...]
    """Worst first."""


def choose(llr_real: FloatArray, sources: Sequence[str], target_fpr: float) -> MeasuredPoint:
    """Smallest threshold that flags at most `target_fpr` of the images.

    Args:
        llr_real: Out-of-fold LLRs of images that are not synthetic, shape (N,).
        sources: Source of each, length N.
        target_fpr: Between 0 and 1.

    Raises:
        ValueError: "not certifiable": there are too few images for this rate.
    """
    n = len(llr_real)
    if math.floor(target_fpr * n) < MIN_EXPECTED_HITS:
        raise ValueError(f"not certifiable (n = {n}): a false-positive rate of {target_fpr:g}")
    threshold = threshold_at_fpr(llr_real, target_fpr)
    flagged = llr_real > threshold
    names = np.asarray(sources)
    rates = []
    for source in sorted(set(sources)):
        inside = flagged[names == source]
        rates.append(SourceRate(source, len(inside), int(inside.sum()), clopper_pearson(int(inside.sum()), len(inside))))
    interval = clopper_pearson(int(flagged.sum()), n)
    point = OperatingPoint(
        name=f"fpr-{100 * target_fpr:g}%",
        threshold_llr=threshold,
        target_fpr=target_fpr,
        fpr_interval=(interval.low, interval.high),
        n_real=n,
    )
    return MeasuredPoint(point, tuple(sorted(rates, key=lambda rate: (-rate.rate, rate.source))))
