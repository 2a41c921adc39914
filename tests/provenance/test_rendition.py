"""Renditions: upright, the right size, and the colours and the transparency of the source."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from provenance.asset import Asset
from provenance.pixels import decode
from provenance.rendition import Rendition, Size, render
from tests.assets.pictures import encoded, multi_picture_jpeg, picture, png_of, saved

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = Image.fromarray(picture(160, 120))


def same(size: Size) -> Size:
    return size


def half(size: Size) -> Size:
    return Size(size.width // 2, size.height // 2)


def rendered(image: Image.Image, name: str = "PNG", *, transparency: bool = True, fit: Any = half, **options: Any) -> Rendition:
    return render(Asset.from_bytes(saved(image, name, **options)), fit, transparency=transparency)


def grey_profile() -> bytes:
    """A grey profile of gamma 1, made by hand: header, tag table, white point and a curve."""
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + bytes.fromhex("0000f6d60001000000 00d32d".replace(" ", "")),
        b"kTRC": b"curv\0\0\0\0\0\0\0\0",
        b"desc": b"desc\0\0\0\0\0\0\0\x05grey\0" + bytes(80),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += name + (at + len(body)).to_bytes(4, "big") + len(content).to_bytes(4, "big")
        body += padded
    size = at + len(body)
    header = size.to_bytes(4, "big") + bytes(4) + b"\x02\x10\0\0" + b"mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    header += bytes.fromhex("0000f6d6 00010000 0000d32d".replace(" ", ""))
    return header.ljust(128, b"\0") + len(tags).to_bytes(4, "big") + table + body


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/tiff"])
def test_at_its_own_size_a_picture_is_what_decoding_gives(media_type: str) -> None:
    asset = encoded(media_type)
    found = render(asset, same, transparency=True)
    assert np.array_equal(found.pixels, decode(asset))
    assert (found.source_size, found.icc_profile, found.flattened) == (Size(64, 48), None, False)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_the_result_is_upright_and_its_size_asked_for_upright(orientation: int, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    asset = Asset.from_bytes(saved(WIDE, name, exif=exif, quality=95))
    asked = []
    found = render(asset, lambda size: asked.append(size) or half(size), transparency=True)
    upright = decode(asset)
    assert asked == [Size(upright.shape[1], upright.shape[0])]
    assert found.size == half(asked[0])
    reference = Image.fromarray(upright).resize(found.size, Image.Resampling.LANCZOS)
    assert np.abs(found.pixels.astype(int) - np.asarray(reference, int)).mean() < 3


def test_a_large_jpeg_shrinks_to_what_lanczos_makes_of_all_of_it() -> None:
    big = Image.fromarray(picture(1600, 1200)).resize((1600, 1200))
    smooth = big.resize((100, 75), Image.Resampling.LANCZOS).resize((1600, 1200), Image.Resampling.BICUBIC)
    found = rendered(smooth, "JPEG", fit=lambda _: Size(100, 75), quality=98, subsampling=0)
    reference = np.asarray(smooth.resize((100, 75), Image.Resampling.LANCZOS), int)
    assert np.abs(found.pixels.astype(int) - reference).mean() < 1.5


def test_transparency_stays_where_there_is_room_for_it() -> None:
    alpha = Image.linear_gradient("L").resize(WIDE.size)
    image = WIDE.copy()
    image.putalpha(alpha)
    kept = rendered(image)
    assert (kept.pixels.shape, kept.flattened) == ((60, 80, 4), False)
    flat = rendered(image, transparency=False)
    assert (flat.pixels.shape, flat.flattened) == ((60, 80, 3), True)
    assert flat.pixels[0].mean() > 250  # quite transparent: white


def test_an_alpha_channel_that_hides_nothing_is_left_out() -> None:
    found = rendered(WIDE.convert("RGBA"), transparency=False)
    assert (found.pixels.shape[2], found.flattened) == (3, False)


def test_a_transparent_palette_stays_transparent() -> None:
    image = WIDE.quantize(8)
    image.info["transparency"] = int(np.asarray(image)[0, 0])
    found = rendered(image, fit=same)
    assert found.pixels.shape[2] == 4
    assert found.pixels[0, 0, 3] == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "1", "P", "LA"])
def test_any_mode_becomes_rgb(mode: str) -> None:
    name = "TIFF" if mode == "CMYK" else "PNG"
    assert rendered(WIDE.convert(mode), name).pixels.shape == (60, 80, 3)


def test_sixteen_bits_become_eight() -> None:
    values = np.arange(160 * 120, dtype=np.uint32).reshape(120, 160) * 3 % 65536
    found = rendered(Image.fromarray(values.astype(np.uint16)), fit=same)
    assert np.array_equal(found.pixels[..., 0], values // 257)


def test_thirty_two_bits_have_no_range() -> None:
    from provenance.errors import AssetUnreadable

    with pytest.raises(AssetUnreadable):
        rendered(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF")


def test_a_profile_of_rgb_is_kept() -> None:
    assert rendered(WIDE, icc_profile=SRGB).icc_profile == SRGB
    assert rendered(WIDE, "JPEG", icc_profile=SRGB).icc_profile == SRGB


def test_a_grey_profile_is_applied_and_not_kept() -> None:
    grey = WIDE.convert("L")
    found = rendered(grey, icc_profile=grey_profile(), fit=same)
    assert found.icc_profile is None
    # Gamma 1 to sRGB: the darker half becomes lighter.
    assert found.pixels.mean() > np.asarray(grey).mean() + 10


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:100], bytes(200)])
def test_a_broken_profile_says_nothing(profile: bytes) -> None:
    found = rendered(WIDE, icc_profile=profile)
    assert (found.icc_profile, found.size) == (None, Size(80, 60))


def test_of_a_multi_picture_jpeg_the_still_is_taken() -> None:
    assert render(Asset.from_bytes(multi_picture_jpeg()), same, transparency=False).size == Size(64, 48)


def test_one_pixel_is_enough() -> None:
    dot = png_of(width=1, height=1, bit_depth=8, colour_type=2, rows=b"\0\1\2\3")
    found = render(Asset.from_bytes(dot), lambda _: Size(1, 1), transparency=True)
    assert found.pixels.tolist() == [[[1, 2, 3]]]


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90), name=st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_any_size_comes_out_as_asked(width: int, height: int, name: str) -> None:
    out = io.BytesIO()
    WIDE.save(out, name)
    found = render(Asset.from_bytes(out.getvalue()), lambda _: Size(width, height), transparency=True)
    assert found.size == Size(width, height)
