"""Metrics over left-out generators against left-out sources: the numbers a claim about new images may rest on.

Every generator is ranked against the photographs, drawings and screenshots of its own fold only: neither was seen by the
model that scored them. Scores of different folds come from different models and are never ranked against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data import Row
from detector.evaluation.metrics import FloatArray, Interval, auc
from detector.splits import unit

MIN_IMAGES = 20
"""A generator with fewer images does not count singly; those are pooled, per fold, and reported beside."""


@dataclass(frozen=True, slots=True)
class GeneratorResult:
    """One left-out generator."""

    generator: str
    fold: int
    n: int
    auc: float


@dataclass(frozen=True, slots=True)
class LeftOutResult:
    """All left-out generators."""

    generators: tuple[GeneratorResult, ...]
    """Those that count singly, worst first."""
    pooled_others: tuple[GeneratorResult, ...]
    """Per fold, the generators with too few images, together."""

    @property
    def macro_auc(self) -> float:
        """Mean over the generators that count singly."""
        return float(np.mean([result.auc for result in self.generators]))

    @property
    def min_auc(self) -> float:
        """The worst of them."""
        return min(result.auc for result in self.generators)


class LeftOut:
    """The bookkeeping of one table and its folds, done once: which images each generator is ranked against.

    Args:
        rows: Shape (N,).
        folds: Fold that leaves each row out, length N.
    """

    def __init__(self, rows: Sequence[Row], folds: Sequence[int]) -> None:
        counts = Counter(row.generator for row in rows if row.synthetic)
        label = [row.generator if counts[row.generator] >= MIN_IMAGES else "others" for row in rows]
        self._folds = np.asarray(folds)
        self._synthetic = np.asarray([row.synthetic for row in rows])
        self._units = np.asarray([unit(row) for row in rows])
        self._names = np.asarray(label)

    def result(self, scores: FloatArray, chosen: NDArray[np.intp] | None = None) -> LeftOutResult:
        """AUCs of out-of-fold `scores`, shape (N,); over the rows `chosen` (indices, repetitions count), or over all."""
        index = np.arange(len(scores)) if chosen is None else chosen
        singles: list[GeneratorResult] = []
        others: list[GeneratorResult] = []
        for fold in sorted(set(self._folds[index])):
            inside = index[self._folds[index] == fold]
            negative = scores[inside[~self._synthetic[inside]]]
            positive = inside[self._synthetic[inside]]
            for name in sorted(set(self._names[positive])) if len(negative) else ():
                own = positive[self._names[positive] == name]
                found = GeneratorResult(str(name), int(fold), len(own), auc(negative, scores[own]))
                (others if name == "others" else singles).append(found)
        return LeftOutResult(tuple(sorted(singles, key=lambda item: item.auc)), tuple(others))

    def interval(self, scores: FloatArray, *, replicates: int, seed: int) -> tuple[Interval, Interval]:
        """95 % intervals of macro and minimum AUC: images are drawn anew within each generator, sources as wholes.

        Generators are the fixed subject of the claim; the sources they are ranked against are a sample. A fold whose
        draw repeats one source is still a draw.
        """
        rng = np.random.default_rng(seed)
        pools: dict[int, list[NDArray[np.intp]]] = {}
        for fold in sorted(set(self._folds)):
            sources = sorted(set(self._units[(self._folds == fold) & ~self._synthetic]))
            pools[int(fold)] = [np.flatnonzero(self._units == source) for source in sources]
        generators = [
            np.flatnonzero(self._synthetic & (self._names == name) & (self._folds == fold))
            for fold in sorted(set(self._folds))
            for name in sorted(set(self._names[self._synthetic & (self._folds == fold)]))
        ]
        macro, worst = [], []
        for _ in range(replicates):
            parts = [own[rng.integers(0, len(own), len(own))] for own in generators]
            for sources_of_fold in pools.values():
                drawn = rng.integers(0, len(sources_of_fold), len(sources_of_fold))
                parts += [sources_of_fold[at] for at in drawn]
            result = self.result(scores, np.concatenate(parts))
            macro.append(result.macro_auc)
            worst.append(result.min_auc)
        low, high = np.percentile(macro, (2.5, 97.5)), np.percentile(worst, (2.5, 97.5))
        return Interval(*map(float, low)), Interval(*map(float, high))
