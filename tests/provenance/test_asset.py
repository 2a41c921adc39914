from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import IMAGE_MEDIA_TYPES, MEDIA_TYPES, TIMED_MEDIA_TYPES, Asset, media_type_of
from provenance.errors import AssetEmpty, AssetError, AssetTooLarge, AssetUnsupported
from tests.assets.pictures import encoded
from tests.assets.sounds_and_films import FRAME_BYTES, encoded_timed, id3, id3_frame, mp3


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    size = 16 + 4 * len(compatible)
    return size.to_bytes(4, "big") + b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible) + b"\0\0\0\x08mdat"


@pytest.mark.parametrize("media_type", sorted(set(IMAGE_MEDIA_TYPES) - {"image/heif"}))
def test_real_file_of_every_format_is_recognised(media_type: str) -> None:
    assert media_type_of(encoded(media_type).data) == media_type


def test_asset_carries_the_digest_of_its_bytes() -> None:
    data = encoded().data
    asset = Asset.from_bytes(data)
    assert (asset.data, asset.media_type, asset.sha256) == (data, "image/png", hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("version", [3, 4])
def test_an_mp3_that_announces_gigabytes_is_refused_at_the_door(version: int) -> None:
    bomb = b"TIT2" + (b"\0\0\0\5\0\x80\x40\0\0\0d" if version == 3 else b"\0\0\0\5\0\x09\x7f\x7f\x7f\x7fd")
    with pytest.raises(AssetTooLarge, match="announces a frame"):
        Asset.from_bytes(id3(bomb, version=version) + mp3())


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


@pytest.mark.parametrize("media_type", TIMED_MEDIA_TYPES)
def test_sound_or_film_of_every_format_is_recognised_and_has_no_pixels(media_type: str) -> None:
    asset = Asset.from_bytes(encoded_timed(media_type).data)
    assert (asset.media_type, asset.has_pixels) == (media_type, False)
    assert encoded().has_pixels


@pytest.mark.parametrize(
    ("major", "compatible", "media_type"),
    [
        (b"isom", (b"mp41", b"mif1"), "video/mp4"),
        (b"mp42", (b"heic",), "video/mp4"),  # what a film's major brand says is not for a compatible one to change
        (b"qt  ", (), "video/quicktime"),
        (b"M4A ", (b"isom",), "audio/mp4"),
        (b"MSNV", (b"isom",), "video/mp4"),
    ],
)
def test_brands_of_sounds_and_films(major: bytes, compatible: tuple[bytes, ...], media_type: str) -> None:
    assert media_type_of(ftyp(major, *compatible)) == media_type


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("padding", [0, 1, 4095])
def test_layer_iii_frames_behind_a_tag_are_an_mp3(version: int, padding: int) -> None:
    assert media_type_of(id3(version=version, padding=7) + bytes(padding) + mp3(1)) == "audio/mpeg"


@pytest.mark.parametrize(
    "data",
    [
        id3(id3_frame(b"TIT2", b"\3a")),  # a tag and nothing else
        id3() + b"fLaC" + bytes(400),
        id3() + b"\xff\xf1\x50\x80" + bytes(400),  # ADTS: layer 0
        id3()[:-1] + b"\x80" + mp3(1),  # a size that is none
        mp3(1)[:-1] + b"\0" * 5,  # one frame header, and no second one where the first frame ends
        b"\xff\xfb\xf0\x00" + bytes(900),  # the forbidden bit rate
        b"\xff\xfb\x9c\x00" + bytes(900),  # the reserved sample rate
        b"\xff\xeb\x90\x00" + bytes(900),  # the reserved version
        b"\xff\xfb\x00\x00" + bytes(900),  # free bit rate: no telling where the frame ends
        b"RIFF\x24\0\0\0AVI LIST",
        b"RF64\x24\0\0\0WAVEds64",
        ftyp(b"3gp4"),
        ftyp(b"crx ", b"CR3 "),
    ],
)
def test_what_merely_resembles_a_sound_or_film_is_refused(data: bytes) -> None:
    with pytest.raises(AssetUnsupported):
        media_type_of(data)


@given(st.binary(max_size=FRAME_BYTES + 8))
def test_a_frame_sync_alone_is_no_mp3(tail: bytes) -> None:
    data = b"\xff\xfb" + tail
    with contextlib.suppress(AssetUnsupported):
        # Whatever is taken has a second frame exactly where the first one ends, or ends there.
        assert media_type_of(data) == "audio/mpeg"
        assert any(data[at : at + 1] == b"\xff" for at in range(24, len(data))) or len(data) <= 1441


def test_brands_outside_the_ftyp_box_do_not_count() -> None:
    with pytest.raises(AssetUnsupported):
        media_type_of(ftyp(b"zzzz") + b"heic" * 8)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
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
