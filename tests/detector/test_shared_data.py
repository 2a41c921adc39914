"""Claims about the development data; need the shared material and are skipped without it."""

from collections import Counter
from pathlib import Path

import pytest

from detector.data import judged, read_table
from detector.splits import fold_of_rows, write_folds

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "detector"


@pytest.fixture(scope="module")
def rows(shared):
    return tuple(row for row in read_table(shared / "data" / "images_dev") if judged(row))


def test_folds_file_is_what_the_split_makes(rows, tmp_path):
    write_folds(rows, tmp_path / "folds.csv")
    assert (tmp_path / "folds.csv").read_bytes() == (RESULTS / "folds.csv").read_bytes()


def test_folds_are_balanced(rows):
    counts = Counter((fold, row.synthetic) for row, fold in zip(rows, fold_of_rows(rows), strict=True))
    for synthetic in (True, False):
        sizes = [counts[fold, synthetic] for fold in range(5)]
        assert max(sizes) < 1.2 * min(sizes)
