"""Labelled tables, licences and prediction files."""

import csv

import pytest

from detector.data import judged, load_pixels, read_table
from detector.evaluation.predictions import Prediction, read_predictions, write_predictions
from detector.licences import permissive
from provenance.errors import DetectorError
from tests.detector.rows import row

FIELDS = ("path", "label", "generator", "kind", "source", "licence", "format", "sha256", "group")


def write_manifest(folder, *changes, fields=FIELDS):
    record = dict(zip(FIELDS, ("a.jpg", "real", "photo", "photo", "s", "MIT", "JPEG", "b" * 64, "g1"), strict=True))
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fields, extrasaction="ignore")
        writer.writeheader()
        writer.writerows([{**record, **change} for change in changes])


def test_rows_come_in_the_order_of_their_digests(tmp_path):
    write_manifest(tmp_path, {}, {"sha256": "a" * 64, "label": "generated", "format": "WEBP"})
    first, second = read_table(tmp_path)
    assert (first.sha256, first.synthetic, first.lossless) == ("a" * 64, True, True)
    assert (second.sha256, second.synthetic, second.lossless) == ("b" * 64, False, False)


def test_a_missing_column_is_named(tmp_path):
    write_manifest(tmp_path, {}, fields=FIELDS[:-1])
    with pytest.raises(DetectorError, match="group"):
        read_table(tmp_path)


def test_an_unknown_label_is_refused(tmp_path):
    write_manifest(tmp_path, {"label": "maybe"})
    with pytest.raises(DetectorError, match="maybe"):
        read_table(tmp_path)


def test_a_missing_table_is_a_clear_error(tmp_path):
    with pytest.raises(DetectorError, match=r"manifest\.csv"):
        read_table(tmp_path)


def test_a_file_that_is_not_the_tables_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"something else")
    with pytest.raises(DetectorError, match="not the file its table describes"):
        load_pixels(row(1, synthetic=False, path=tmp_path / "a.jpg"), check=True)


def test_partly_synthetic_images_have_no_single_label():
    assert not judged(row(1, synthetic=True, kind="edit"))
    assert judged(row(1, synthetic=True, kind="t2i"))


@pytest.mark.parametrize("terms", ["CC0-1.0", "CC-BY-4.0 (Unsplash photos)", "MIT", "Apache-2.0"])
def test_permissive_terms(terms):
    assert permissive(terms)


@pytest.mark.parametrize(
    "terms",
    [
        "none-stated",
        "CC-BY-NC-4.0",
        "CC-BY-SA-4.0",
        "GPL-2+/CC-BY-SA-4.0 (Debian)",
        "OSL-3.0/AFL-3.0",
        "MIT repo; FFHQ CC-BY-NC-SA-4.0",
        "repo MIT; photos none-stated",
        "Apache-2.0 (images sourced from X posts)",
        "CC0 repo claim (images from X authors)",
        "Apache-2.0 repo (FLUX.1-dev NC model licence)",
        "BSDS: research/non-commercial",
    ],
)
def test_terms_that_are_not_permissive(terms):
    assert not permissive(terms)


def test_predictions_are_read_back_as_written_and_sorted(tmp_path):
    rows = [
        Prediction("b" * 64, "s", "photo", False, 3, -0.25, -1.5),
        Prediction("a" * 64, "t", "flux.1", True, None, None, None, "too_small"),
    ]
    write_predictions(rows, tmp_path / "p.csv")
    assert read_predictions(tmp_path / "p.csv") == rows[::-1]


def test_a_file_that_holds_no_predictions_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("sha256,label\n" + "a" * 64 + ",maybe\n")
    with pytest.raises(DetectorError, match="maybe"):
        read_predictions(tmp_path / "p.csv")
