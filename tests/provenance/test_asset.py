from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import MEDIA_TYPES, Asset, media_type_of
from provenance.errors import AssetEmpty, AssetError, AssetTooLarge, AssetUnsupported
from tests.assets.pictures import encoded


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    size = 16 + 4 * len(compatible)
    return size.to_bytes(4, "big") + b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible) + b"\0\0\0\x08mdat"


@pytest.mark.parametrize("media_type", sorted(set(MEDIA_TYPES) - {"image/heif"}))
def test_real_file_of_every_format_is_recognised(media_type: str) -> None:
    assert media_type_of(encoded(media_type).data) == media_type


def test_asset_carries_the_digest_of_its_bytes() -> None:
    data = encoded().data
    asset = Asset.from_bytes(data)
    assert (asset.data, asset.media_type, asset.sha256) == (data, "image/png", hashlib.sha256(data).hexdigest())


def test_repr_does_not_spill_the_bytes() -> None:
    assert "data=" not in repr(encoded())


@pytest.mark.parametrize(
    ("major", "compatible", "media_type"),
    [
        (b"avif", (b"mif1", b"miaf"), "image/avif"),
        (b"avis", (b"avif",), "image/avif"),
        (b"heic", (b"mif1",), "image/heic"),
        (b"heix", (), "image/heic"),
        (b"hevc", (), "image/heic"),
        (b"mif1", (b"heic",), "image/heic"),
        (b"mif1", (b"mif1", b"avif"), "image/avif"),
        (b"mif1", (b"miaf",), "image/heif"),
        (b"msf1", (b"hevc",), "image/heic"),
        (b"mif1", (), "image/heif"),
        (b"zzzz", (b"heic",), "image/heic"),
    ],
)
def test_heif_brands(major: bytes, compatible: tuple[bytes, ...], media_type: str) -> None:
    assert media_type_of(ftyp(major, *compatible)) == media_type


@pytest.mark.parametrize("major", [b"isom", b"mp42", b"qt  ", b"M4A "])
def test_video_brands_are_refused(major: bytes) -> None:
    with pytest.raises(AssetUnsupported, match="not a still image"):
        media_type_of(ftyp(major, b"mp41", b"mif1"))


def test_brands_outside_the_ftyp_box_do_not_count() -> None:
    with pytest.raises(AssetUnsupported):
        media_type_of(ftyp(b"isom") + b"heic" * 8)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a",
        b"\x89PNG\n\x1a\n\0",
        b"II*",
        b"MM\0+\0\x08\0\0",  # BigTIFF
        b"\xff\x0a",  # JPEG XL
        b"\0",
    ],
)
def test_other_bytes_are_refused_whatever_their_name(data: bytes) -> None:
    with pytest.raises(AssetUnsupported) as caught:
        Asset.from_bytes(data)
    assert caught.value.code == "asset.unsupported"


def test_nothing_is_refused_as_empty() -> None:
    with pytest.raises(AssetEmpty) as caught:
        Asset.from_bytes(b"")
    assert caught.value.code == "asset.empty"


def test_limit_is_inclusive() -> None:
    data = encoded().data
    assert Asset.from_bytes(data, max_bytes=len(data)).data == data
    with pytest.raises(AssetTooLarge) as caught:
        Asset.from_bytes(data, max_bytes=len(data) - 1)
    assert caught.value.code == "asset.too_large"
    assert str(len(data)) in str(caught.value)


@given(st.binary(max_size=100) | st.builds(lambda tail: b"\0\0\0\x20ftyp" + tail, st.binary(max_size=60)))
def test_any_bytes_are_sniffed_or_refused(data: bytes) -> None:
    with contextlib.suppress(AssetError):
        assert Asset.from_bytes(data).media_type in MEDIA_TYPES
