"""Our PNGs against other readers: every sample comes back, from any shape, and every chunk is sound."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from provenance.metadata.png_encoding import encode_png
from tests.assets.pictures import picture


def read(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@given(
    pixels=st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([3, 4])).flatmap(
        lambda shape: hnp.arrays(np.uint8, shape)
    )
)
def test_every_sample_comes_back(pixels: np.ndarray) -> None:
    image = read(encode_png(pixels))
    assert (image.format, image.mode) == ("PNG", {3: "RGB", 4: "RGBA"}[pixels.shape[2]])
    np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("view", ["transposed", "reversed", "every other column", "in Fortran's order"])
def test_pixels_need_not_lie_in_order(view: str) -> None:
    base = picture(40, 30)
    pixels = {
        "transposed": base.transpose(1, 0, 2),
        "reversed": base[::-1, :, ::-1],
        "every other column": base[:, ::2],
        "in Fortran's order": np.asfortranarray(base),
    }[view]
    np.testing.assert_array_equal(np.asarray(read(encode_png(pixels))), pixels)


def test_chunks_are_those_of_the_format_and_nothing_else() -> None:
    data = encode_png(picture(33, 17))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size) == (zlib.crc32(name + content),)
        chunks.append((name, content))
        at += 12 + size
    assert [name for name, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    assert chunks[0][1] == struct.pack(">IIBBBBB", 33, 17, 8, 2, 0, 0, 0)
    rows = zlib.decompress(chunks[1][1])  # the standard library's inflate, not the one that wrote it
    assert (len(rows), set(rows[:: 1 + 33 * 3])) == (17 * (1 + 33 * 3), {2})


def test_a_colour_profile_is_kept() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert read(encode_png(picture(8, 8), icc_profile=profile)).info["icc_profile"] == profile
    assert "icc_profile" not in read(encode_png(picture(8, 8))).info


def test_a_picture_is_smaller_than_its_samples() -> None:
    pixels = picture(256, 256)
    assert len(encode_png(pixels)) < pixels.size
