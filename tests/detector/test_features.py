"""Extraction to disk, on two pictures and a tower of three small blocks."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from detector.features import Backbone, aligned_draw, augmented_draw, extract
from provenance.errors import DetectorError
from tests.detector.rows import row
from tests.detector.tiny import tiny_tower


@pytest.fixture
def rows(tmp_path):
    found = []
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (80, 96, 3), dtype=np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        found.append(
            row(number + 2**230, synthetic=bool(number), path=path, lossless=True, sha256=f"{number + 1:016x}" + "0" * 48)
        )
    return found


@pytest.fixture(scope="module")
def backbone():
    return Backbone(tiny_tower(), "digest", (0.5,) * 3, (0.25,) * 3, size=32)


def test_features_of_a_row_do_not_depend_on_the_others(rows, backbone, tmp_path):
    both = extract(rows, aligned_draw(0), backbone, tmp_path / "both")
    alone = extract(rows[1:], aligned_draw(0), backbone, tmp_path / "alone")
    assert both.shape == (2, 3, 3, 64)
    assert both[1] == pytest.approx(alone[0], abs=2e-2)


def test_what_is_on_disk_is_kept(rows, backbone, tmp_path):
    first = extract(rows, augmented_draw(0), backbone, tmp_path)
    for one in rows:
        one.path.unlink()
    assert (extract(rows, augmented_draw(0), backbone, tmp_path) == first).all()


def test_a_cache_of_another_backbone_is_refused(rows, backbone, tmp_path):
    extract(rows, aligned_draw(0), backbone, tmp_path)
    with pytest.raises(DetectorError, match="another backbone"):
        extract(rows, aligned_draw(0), dataclasses.replace(backbone, digest="other"), tmp_path)


def test_draws_differ_in_crop_and_history(rows):
    assert (aligned_draw(0).crop(rows[0], 32) != aligned_draw(1).crop(rows[0], 32)).any()
    assert (augmented_draw(0).crop(rows[0], 32) != augmented_draw(1).crop(rows[0], 32)).any()
    assert (augmented_draw(0).crop(rows[0], 32) == augmented_draw(0).crop(rows[0], 32)).all()
