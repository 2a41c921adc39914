"""A picture that keeps its stamp when it is saved, or refuses."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
from PIL import Image

from provenance.errors import PipelineRefused, StorageError
from provenance.pipelines import StampedImage, StampedImages
from tests.fakes import FakeStamper
from tests.provenance.pipelines.conftest import picture


@pytest.fixture
def asset(a_record):
    return FakeStamper().stamp(np.asarray(picture()), a_record)


@pytest.fixture
def a_record():
    from datetime import UTC, datetime

    from provenance.generation import GenerationRecord

    return GenerationRecord(model="acme/fox-1", created_at=datetime(2026, 11, 22, tzinfo=UTC))


def test_it_shows_the_stamped_pixels(asset):
    image = StampedImage(asset)
    assert np.array_equal(np.asarray(image), np.asarray(picture()))
    assert (image.mode, image.size, image.format) == ("RGB", (64, 64), "PNG")


def test_saving_writes_the_stamped_bytes(asset, tmp_path):
    StampedImage(asset).save(tmp_path / "fox.png", compress_level=9)
    assert (tmp_path / "fox.png").read_bytes() == asset.data


@pytest.mark.parametrize("format_", [None, "png", "PNG"])
def test_saving_to_an_open_file_writes_the_stamped_bytes(format_, asset):
    out = io.BytesIO()
    StampedImage(asset).save(out, format_)
    assert out.getvalue() == asset.data


@pytest.mark.parametrize("name", ["fox.jpg", "fox.webp", "fox.bmp", "fox"])
def test_saving_as_another_format_is_refused_and_writes_nothing(name, asset, tmp_path):
    with pytest.raises(PipelineRefused, match="would drop the stamp"):
        StampedImage(asset).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_changed_pixels_are_not_saved_under_the_stamp_of_others(asset, tmp_path):
    image = StampedImage(asset)
    image.putpixel((0, 0), (1, 2, 3))
    assert image.modified
    with pytest.raises(PipelineRefused, match="changed after stamping"):
        image.save(tmp_path / "fox.png")


def test_a_derivative_is_an_ordinary_image(asset):
    image = StampedImage(asset)
    for derived in (image.copy(), image.resize((8, 8)), image.convert("L"), copy.copy(image)):
        assert type(derived) is Image.Image


def test_a_pickled_picture_arrives_with_its_stamp(asset):
    arrived = pickle.loads(pickle.dumps(StampedImage(asset)))
    assert isinstance(arrived, StampedImage)
    assert arrived.asset == asset


def test_a_notebook_shows_the_stamped_bytes(asset):
    assert StampedImage(asset)._repr_png_() == asset.data


def test_a_place_that_cannot_be_written(asset, tmp_path):
    with pytest.raises(StorageError, match="missing"):
        StampedImage(asset).save(tmp_path / "missing" / "fox.png")


def test_a_full_disk_leaves_nothing(asset, tmp_path):
    with pytest.raises(StorageError):
        StampedImage(asset).save("/dev/full", "PNG")


def test_pictures_are_decoded_once(asset, a_record):
    images = StampedImages((asset,), (a_record,), None)
    assert images.images[0] is images.images[0]
