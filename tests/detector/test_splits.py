import csv

import pytest

from detector.splits import family, fold_of_rows, joint_folds, write_folds
from provenance.errors import DetectorError
from tests.detector.rows import row

GENERATORS = ("flux.1", "sdxl-1.0", "dall-e-3", "midjourney-v7", "gpt-4o", "sd-1.5")


def table():
    rows = [row(n, synthetic=True, generator=GENERATORS[n % 6], source=f"made{n % 6}") for n in range(60)]
    return rows + [row(100 + n, synthetic=False, generator="photo", source=f"photos{n % 7}") for n in range(70)]


def test_a_unit_lies_in_one_fold_and_every_fold_holds_both_classes():
    rows = table()
    folds = fold_of_rows(rows)
    for fold in range(5):
        assert {r.synthetic for r, f in zip(rows, folds, strict=True) if f == fold} == {True, False}
    for generator in GENERATORS:
        assert len({f for r, f in zip(rows, folds, strict=True) if r.generator == generator}) == 1


def test_the_order_of_rows_does_not_matter():
    rows = table()
    assert joint_folds(rows) == joint_folds(rows[::-1])


def test_models_that_share_an_autoencoder_are_one_family():
    assert family("sd-2.1-v") == family("stability-beta-2022(sd-1.x)") == "sd1"
    assert family("sdxl(albedobase-xl)") == "sdxl"
    assert family("sd3.5-large") == "sd3"


def test_an_unknown_generator_is_refused():
    with pytest.raises(DetectorError, match="'brand-new'"):
        family("brand-new")


def test_a_source_of_both_classes_stays_together():
    rows = [*table(), row(900, synthetic=True, generator="stylegan2", source="faces")]
    rows += [row(901 + n, synthetic=False, source="faces") for n in range(3)]
    placed = joint_folds(rows)
    assert placed["generator:stylegan"] == placed["source:faces"]


def test_near_duplicates_stay_together():
    rows = [
        *table(),
        row(900, synthetic=False, source="one", group="same"),
        row(901, synthetic=False, source="two", group="same"),
    ]
    placed = joint_folds(rows)
    assert placed["source:one"] == placed["source:two"]


def test_folds_file_names_every_image_once(tmp_path):
    write_folds(table(), tmp_path / "folds.csv")
    with (tmp_path / "folds.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len({line["sha256"] for line in lines}) == 130
    assert {line["fold"] for line in lines} == set("01234")
