"""Out-of-fold scores of the probe, with its one setting chosen inside each training part.

For every fold: the ridge is chosen by leaving out each of the other folds in turn, then the probe is fitted on all the
others and scores the fold. Nothing is chosen on the fold that is scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from detector.data import Row
from detector.evaluation.left_out import LeftOut
from detector.evaluation.metrics import FloatArray
from detector.probe import LinearFit, Moments, fit
from detector.splits import unit

RIDGES = (1e-4, 3e-4)
_UNIT_POWER = 0.5


def row_weights(rows: Sequence[Row]) -> FloatArray:
    """How much each row counts: a unit of n images weighs n ** 0.5, between "every image" and "every source the same"."""
    counts = Counter(unit(row) for row in rows)
    return np.asarray([counts[unit(row)] ** (_UNIT_POWER - 1.0) for row in rows])


@dataclass(frozen=True, slots=True)
class Table:
    """What is fitted and what is scored."""

    rows: tuple[Row, ...]
    folds: tuple[int, ...]
    """Fold that leaves each row out."""
    training: tuple[NDArray[np.float32], ...]
    """Features of the rows, one array of shape (N, D) per draw."""
    scored: NDArray[np.float32]
    """Features to score, shape (N, D): the mean over the views, whose score is the mean of the views' scores."""
    used: NDArray[np.bool_]
    """Rows that may be trained on, shape (N,); all are scored."""


@dataclass(frozen=True, slots=True)
class CrossFit:
    """Out-of-fold scores and the probe for everyone."""

    logits: FloatArray
    """Out-of-fold, shape (N,)."""
    ridges: tuple[float, ...]
    """Chosen inside each fold's training part."""
    final_ridge: float
    """Chosen over all folds, for the probe that ships."""
    final: LinearFit


def cross_fit(table: Table, ridges: Sequence[float] = RIDGES, report: Callable[[str], None] = print) -> CrossFit:
    """Out-of-fold logits of every row, and the probe fitted on all rows that may be trained on."""
    shift = table.scored.mean(axis=0)  # float32 moments need small numbers; the fit itself is invariant
    moments = _moments(table, shift)
    numbers = sorted(set(table.folds))
    folds = np.asarray(table.folds)
    logits = np.zeros(len(table.rows))
    chosen: list[float] = []
    inner: dict[tuple[int, int], dict[float, FloatArray]] = {}
    for first in numbers:
        for second in numbers:
            if first < second:
                fits = {ridge: _fit_without(moments, {first, second}, ridge) for ridge in ridges}
                inner[first, second] = {ridge: _apply(fitted, table.scored, shift) for ridge, fitted in fits.items()}
                report(f"fitted without folds {first} and {second}")
    for out in numbers:
        macros = {}
        for ridge in ridges:
            scores = np.zeros(len(table.rows))
            for other in numbers:
                if other != out:
                    scores[folds == other] = inner[min(out, other), max(out, other)][ridge][folds == other]
            macros[ridge] = _macro(table, scores, folds != out)
        best = max(macros, key=lambda ridge: macros[ridge])
        chosen.append(best)
        logits[folds == out] = _apply(_fit_without(moments, {out}, best), table.scored, shift)[folds == out]
        report(f"fold {out}: ridge {best:g}; inner macro AUC " + ", ".join(f"{r:g}: {m:.4f}" for r, m in macros.items()))
    final_ridge = float(np.exp(np.median(np.log(chosen))))
    fitted = _fit_without(moments, set(), final_ridge)
    final = LinearFit(fitted.weight, fitted.bias - float(fitted.weight.numpy() @ shift))
    return CrossFit(logits, tuple(chosen), final_ridge, final)


def _moments(table: Table, shift: NDArray[np.float32]) -> dict[tuple[int, bool], Moments]:
    used = [row for row, use in zip(table.rows, table.used, strict=True) if use]
    weights = np.zeros(len(table.rows))
    weights[table.used] = row_weights(used)
    found = {}
    for fold in sorted(set(table.folds)):
        for synthetic in (True, False):
            inside = [
                index
                for index, row in enumerate(table.rows)
                if table.used[index] and table.folds[index] == fold and row.synthetic == synthetic
            ]
            if inside:
                stacked = np.concatenate([draw[inside] - shift for draw in table.training])
                repeated = np.tile(weights[inside], len(table.training)).astype(np.float32)
                found[fold, synthetic] = Moments.of(torch.from_numpy(stacked), torch.from_numpy(repeated))
    return found


def _fit_without(moments: dict[tuple[int, bool], Moments], left_out: set[int], ridge: float) -> LinearFit:
    kept = {key: part for key, part in moments.items() if key[0] not in left_out}
    positive = [part for (_, synthetic), part in kept.items() if synthetic]
    negative = [part for (_, synthetic), part in kept.items() if not synthetic]
    return fit(positive, negative, ridge)


def _apply(fitted: LinearFit, features: NDArray[np.float32], shift: NDArray[np.float32]) -> FloatArray:
    weight = fitted.weight.numpy()
    scored: FloatArray = features.astype(np.float64) @ weight + (fitted.bias - float(weight @ shift))
    return scored


def _macro(table: Table, scores: FloatArray, inside: NDArray[np.bool_]) -> float:
    return LeftOut(table.rows, table.folds).result(scores, np.flatnonzero(inside)).macro_auc
