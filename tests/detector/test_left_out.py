import numpy as np
import pytest

from detector.crossfit import Table, cross_fit, row_weights
from detector.evaluation.left_out import LeftOut
from tests.detector.rows import row

GENERATORS = ("flux.1", "sdxl-1.0", "dall-e-3", "midjourney-v7", "gpt-4o")


def table():
    rows, folds = [], []
    for fold, generator in enumerate(GENERATORS):
        rows += [row(1000 * fold + n, synthetic=True, generator=generator, source="made") for n in range(20)]
        rows += [row(1000 * fold + 500 + n, synthetic=False, source=f"photos{fold}") for n in range(30)]
        folds += [fold] * 50
    return tuple(rows), tuple(folds)


def test_a_generator_is_ranked_against_its_own_fold_only():
    rows, folds = table()
    scores = np.asarray([10.0 * fold + r.synthetic for r, fold in zip(rows, folds, strict=True)])
    result = LeftOut(rows, folds).result(scores)
    assert result.macro_auc == result.min_auc == 1.0
    assert {item.generator for item in result.generators} == set(GENERATORS)


def test_the_worst_comes_first_and_makes_the_minimum():
    rows, folds = table()
    scores = np.asarray([(-1.0 if r.generator == "dall-e-3" else 1.0) if r.synthetic else 0.0 for r in rows])
    result = LeftOut(rows, folds).result(scores)
    assert (result.generators[0].generator, result.generators[0].auc) == ("dall-e-3", 0.0)
    assert result.min_auc == 0.0
    assert result.macro_auc == pytest.approx(0.8)


def test_a_generator_with_few_images_is_pooled_not_counted():
    rows, folds = table()
    few = tuple(row(9000 + n, synthetic=True, generator="auraflow") for n in range(19))
    scores = np.asarray([1.0 * r.synthetic for r in rows] + [-1.0] * 19)
    result = LeftOut(rows + few, folds + (3,) * 19).result(scores)
    assert result.macro_auc == 1.0
    assert [(item.fold, item.n, item.auc) for item in result.pooled_others] == [(3, 19, 0.0)]


def test_interval_holds_the_value_and_repeats():
    rows, folds = table()
    scores = np.random.default_rng(0).normal(0, 1, 250) + np.asarray([1.0 * r.synthetic for r in rows])
    left_out = LeftOut(rows, folds)
    first, second = (left_out.interval(scores, replicates=50, seed=1) for _ in range(2))
    assert first == second
    assert first[0].low < left_out.result(scores).macro_auc < first[0].high


def features(rows, leak):
    """One dimension that tells the classes apart everywhere, one that is the fold's own label noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (len(rows), 8)).astype(np.float32)
    x[:, 0] += [2.0 * r.synthetic for r in rows]
    x[:, 1] += [leak * (1 if r.synthetic else -1) * (-1) ** (int(r.sha256, 16) // 1000) for r in rows]
    return x


def test_out_of_fold_scores_separate_what_is_common_to_all_folds():
    rows, folds = table()
    x = features(rows, leak=0.0)
    found = cross_fit(Table(rows, folds, (x,), x, np.ones(250, bool)), report=lambda line: None)
    assert LeftOut(rows, folds).result(found.logits).macro_auc > 0.85
    whole = x @ found.final.weight.numpy() + found.final.bias
    assert np.corrcoef(whole, found.logits)[0, 1] > 0.9


def test_a_fold_is_scored_by_a_probe_that_never_saw_it():
    rows, folds = table()
    x = features(rows, leak=0.0)
    changed = x.copy()
    inside = np.asarray(folds) == 2
    changed[inside] += np.random.default_rng(1).normal(0, 5, changed[inside].shape).astype(np.float32)
    first, second = (
        cross_fit(Table(rows, folds, (training,), x, np.ones(250, bool)), ridges=(1e-3,), report=lambda line: None).logits
        for training in (x, changed)
    )
    assert first[inside] == pytest.approx(second[inside], abs=1e-4)
    assert np.abs(first - second)[~inside].max() > 1e-2


def test_rows_that_may_not_be_used_have_no_say():
    rows, folds = table()
    x = features(rows, leak=0.0)
    used = np.arange(250) % 2 == 0
    changed = x.copy()
    changed[~used] *= -7
    first, second = (
        cross_fit(Table(rows, folds, (training,), x, used), ridges=(1e-3,), report=lambda line: None).logits
        for training in (x, changed)
    )
    assert first == pytest.approx(second, abs=1e-5)


def test_a_unit_of_four_times_the_images_weighs_twice_as_much():
    rows = [row(n, synthetic=False, source="large") for n in range(40)] + [
        row(90 + n, synthetic=False, source="small") for n in range(10)
    ]
    weights = row_weights(rows)
    assert weights[:40].sum() == pytest.approx(2 * weights[40:].sum())
