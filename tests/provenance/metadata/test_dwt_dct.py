"""Public watermarks: found however the generator's code embedded them, and not found where there are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.dwt_dct_encoder import embedded
from provenance.metadata.dwt_dct import HIT_AGREEMENT, MAX_PIXELS_READ, MESSAGES, WEAK_AGREEMENT, Match, best_matches
from tests.provenance.metadata.hidden_marks import photograph

BY_NAME = {message.name: message for message in MESSAGES}


def agreements(pixels: np.ndarray) -> dict[str, float]:
    return {match.message.name: match.agreement for match in best_matches(pixels)}


def test_the_messages_are_those_of_the_generators_code():
    assert BY_NAME["SDXL"].bits == "101100111110110010010000011110111011000110011110"
    assert BY_NAME["FLUX"].bits == bin(0b001010101111111010000111100111001111010100101110)[2:]
    assert BY_NAME["FLUX (48 bits)"].bits == "001010101111111010000111100111001111010100101110"
    assert int(BY_NAME["StableDiffusionV1"].bits, 2).to_bytes(17, "big") == b"StableDiffusionV1"
    assert int(BY_NAME["SDV2"].bits, 2).to_bytes(4, "big") == b"SDV2"
    assert [message.name for message in MESSAGES if not message.suffices] == ["SDV2"]


@pytest.mark.parametrize("path", ["bytes", "floats"])
@pytest.mark.parametrize("name", list(BY_NAME))
@pytest.mark.parametrize(("height", "width"), [(256, 256), (312, 350), (515, 769)])
def test_a_message_is_found_and_no_other(name, path, height, width):
    found = agreements(embedded(photograph(height, width), BY_NAME[name].bits, path=path))
    assert found.pop(name) >= HIT_AGREEMENT
    assert max(agreement for other, agreement in found.items() if BY_NAME[other].suffices) < HIT_AGREEMENT


def test_an_exact_match_is_all_bits():
    marked = embedded(photograph(512, 512), BY_NAME["SDXL"].bits, path="floats")
    match = next(m for m in best_matches(marked) if m.message.name == "SDXL")
    assert match == Match(BY_NAME["SDXL"], 48)
    assert match.agreement == 1.0


def test_it_survives_the_jpeg_that_flux_code_writes():
    out = io.BytesIO()
    marked = embedded(photograph(512, 512), BY_NAME["FLUX"].bits, path="floats")
    Image.fromarray(marked).save(out, "JPEG", quality=95, subsampling=0)
    assert agreements(np.asarray(Image.open(out)))["FLUX"] >= HIT_AGREEMENT


@pytest.mark.parametrize("seed", range(8))
def test_an_unmarked_picture_agrees_with_nothing(seed):
    found = agreements(photograph(384, 384, seed=seed))
    assert max(agreement for name, agreement in found.items() if BY_NAME[name].suffices) < HIT_AGREEMENT


@pytest.mark.parametrize("value", [0, 127, 255, (10, 200, 30)])
def test_a_picture_of_one_colour_says_nothing(value):
    assert set(agreements(np.full((300, 300, 3), value, np.uint8)).values()) == {0.0}


@pytest.mark.parametrize("period", [8, 16, 48, 368, 384])
def test_stripes_and_squares_are_no_message(period):
    y, x = np.mgrid[0:512, 0:768]
    for pattern in (x // period % 2, (x // period + y // period) % 2, x * 255 // 767 // 255, x % period):
        colours = np.stack([pattern * 80 % 256, 128 + pattern * 0, 255 - pattern * 90 % 256], axis=-1).astype(np.uint8)
        found = agreements(colours)
        assert max(agreement for name, agreement in found.items() if BY_NAME[name].suffices) < HIT_AGREEMENT


@pytest.mark.parametrize(("height", "width"), [(255, 256), (1, 70_000), (7, 10_000), (8, 8192)])
def test_what_the_encoder_refuses_or_leaves_unmarked_is_not_read(height, width):
    for match in best_matches(np.zeros((height, width, 3), np.uint8)):
        assert match.agreement < WEAK_AGREEMENT


def test_only_the_top_of_a_large_picture_is_read():
    rows = MAX_PIXELS_READ // 1024
    marked = embedded(photograph(rows // 8 * 8, 1024), BY_NAME["SDXL"].bits, path="floats")
    large = np.concatenate([marked, photograph(2000, 1024)])
    assert agreements(large)["SDXL"] == agreements(marked)["SDXL"] >= HIT_AGREEMENT
