import numpy as np
import pytest

from detector.views import View, ViewPolicy, cut, normalise


def test_centre_and_inner_corner_of_a_large_image():
    policy = ViewPolicy(224, ((0.5, 0.5), (0.125, 0.875)))
    assert policy.views(1024, 768) == (View(400, 272), View(100, 476))


def test_an_image_of_the_views_size_has_one_view():
    assert ViewPolicy(224, ((0.5, 0.5), (0.125, 0.125))).views(224, 224) == (View(0, 0),)


def test_views_are_the_pictures_own_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert (cut(pixels, [View(7, 11)], 224)[0] == pixels[11:235, 7:231]).all()


def test_a_small_image_is_mirrored_out():
    pixels = np.random.default_rng(0).integers(0, 256, (100, 224, 3), dtype=np.uint8)
    view = cut(pixels, [View(0, 0)], 224)[0]
    assert view.shape == (224, 224, 3)
    assert (view[:100] == pixels).all()
    assert (view[100:200] == pixels[::-1]).all()


def test_normalised_values_and_layout():
    crops = np.zeros((1, 2, 2, 3), np.uint8)
    crops[0, 1, 0] = (255, 51, 0)
    images = normalise(crops, (0.5, 0.2, 0.1), (0.25, 0.2, 0.1))
    assert images.shape == (1, 3, 2, 2)
    assert images.flags.c_contiguous
    assert images[0, :, 1, 0] == pytest.approx([2.0, 0.0, -1.0], abs=1e-6)
