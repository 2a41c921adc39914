import dataclasses

import numpy as np
import pytest

from detector.perturb import ALIGNED, AUGMENTED, align, jpeg, resize, shift_grid, webp


@pytest.fixture
def pixels():
    coarse = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return resize(coarse, 8.0)


def test_equal_state_gives_equal_pixels(pixels):
    first, second = (align(pixels, np.random.default_rng(5), lossless=True) for _ in range(2))
    assert (first == second).all()


def test_another_state_gives_other_pixels(pixels):
    assert (
        align(pixels, np.random.default_rng(5), lossless=True) != align(pixels, np.random.default_rng(6), lossless=True)
    ).any()


def test_alignment_keeps_the_size(pixels):
    for seed in range(8):
        assert align(pixels, np.random.default_rng(seed), lossless=False).shape == pixels.shape


def test_a_lossless_image_owes_a_first_jpeg(pixels):
    none_after = dataclasses.replace(
        ALIGNED, pass_weights=(1.0,), jpeg_quality=(100, 100), webp_share=0.0, subsampled_share=0.0
    )
    owed = align(pixels, np.random.default_rng(1), lossless=True, history=none_after).astype(int)
    kept = align(pixels, np.random.default_rng(1), lossless=False, history=none_after).astype(int)
    assert np.abs(owed - pixels).mean() > 2 * np.abs(kept - pixels).mean()


def test_resizing_never_goes_below_the_floor(pixels):
    always = dataclasses.replace(AUGMENTED, resize_share=1.0)
    sides = {min(align(pixels, np.random.default_rng(seed), lossless=False, history=always).shape[:2]) for seed in range(20)}
    assert min(sides) >= 224
    assert len(sides) > 5


def test_shifting_the_grid_loses_nothing(pixels):
    shifted = shift_grid(pixels, right=3, down=5)
    assert shifted.shape == (245, 323, 3)
    assert (shifted[5:, 3:] == pixels).all()


def test_lower_quality_loses_more(pixels):
    for codec in (jpeg, webp):
        loss = [np.abs(codec(pixels, quality).astype(int) - pixels).mean() for quality in (90, 30)]
        assert 0 < loss[0] < loss[1]
