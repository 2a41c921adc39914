from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from provenance.asset import Asset
from provenance.evidence import StatusEvidence
from provenance.reader import C2paExaminer
from provenance.validation.thumbnails import SAME_PICTURE, likeness
from provenance.verdict import Conclusion, VerdictPolicy
from tests.assets.chains import sound_chain
from tests.assets.claims import generated
from tests.assets.pictures import encoded, png_announcing, saved

LANDSCAPE = Image.radial_gradient("L").resize((96, 64)).convert("RGB")
OTHER = Image.linear_gradient("L").resize((96, 64)).convert("RGB")


def asset_of(image: Image.Image, name: str = "PNG") -> Asset:
    return Asset.from_bytes(saved(image, name))


def thumbnail_of(image: Image.Image, size: tuple[int, int] = (24, 16), name: str = "JPEG") -> bytes:
    return saved(image.resize(size), name)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
def test_the_right_thumbnail(name: str) -> None:
    alike = likeness(asset_of(LANDSCAPE, name), thumbnail_of(LANDSCAPE, name=name))
    assert alike is not None
    assert alike > 0.99


def test_another_pictures_thumbnail() -> None:
    alike = likeness(asset_of(LANDSCAPE), thumbnail_of(OTHER))
    assert alike is not None
    assert alike < SAME_PICTURE


def test_a_turned_thumbnail_is_the_same_picture() -> None:
    tilted = Image.linear_gradient("L").rotate(30).resize((96, 64)).convert("RGB")
    for turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270):
        turned = tilted.transpose(turn)
        alike = likeness(asset_of(tilted), thumbnail_of(turned, (turned.width // 4, turned.height // 4)))
        assert alike is not None
        assert alike > 0.95


@pytest.mark.parametrize(
    "thumbnail",
    [
        thumbnail_of(LANDSCAPE, (16, 16)),
        thumbnail_of(Image.new("RGB", (96, 64), "grey")),
        b"",
        b"no picture",
        png_announcing(100_000, 100_000),
        saved(LANDSCAPE, "PNG")[:60],
    ],
    ids=["cropped", "flat", "empty", "no picture", "bomb", "cut"],
)
def test_what_cannot_be_compared_is_not_judged(thumbnail: bytes) -> None:
    assert likeness(asset_of(LANDSCAPE), thumbnail) is None


def test_a_picture_that_cannot_be_decoded_is_not_judged() -> None:
    jpeg = saved(LANDSCAPE, "JPEG")
    for data in (saved(LANDSCAPE, "PNG")[:90], jpeg[: len(jpeg) // 2]):
        assert likeness(Asset.from_bytes(data), thumbnail_of(LANDSCAPE)) is None


@given(st.binary(max_size=300))
def test_any_bytes_for_a_thumbnail(data: bytes) -> None:
    likeness(encoded(), b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize(("shown", "differs"), [(LANDSCAPE, False), (OTHER, True)])
def test_the_reader_says_when_the_thumbnail_shows_another_picture(shown: Image.Image, differs: bool) -> None:
    asset = generated(asset=asset_of(LANDSCAPE), thumbnail=thumbnail_of(shown))
    evidence = C2paExaminer(sound_chain().trust()).examine(asset)
    said = [e for e in evidence if isinstance(e, StatusEvidence) and e.code == "manifest.thumbnail_differs"]
    assert bool(said) is differs
    verdict = VerdictPolicy().decide(evidence)
    assert verdict.conclusion is Conclusion.DECLARED_SYNTHETIC
    assert verdict.dissent == tuple(said)
