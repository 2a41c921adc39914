"""More than one manifest store: whichever of them a reader takes, another may take the other."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.evidence import failure_codes
from provenance.reader import C2paExaminer
from provenance.validation.store_count import carries_several_stores
from provenance.verdict import ProvenanceState, provenance_state
from tests.assets import attacks
from tests.assets.attacks import png_chunks, png_with, signed
from tests.assets.chains import chain, sound_chain
from tests.assets.claims import detached, generated, store_of
from tests.assets.pictures import encoded, png_chunk

EXAMINER = C2paExaminer(sound_chain().trust())
BMFF = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def own_and_strangers(media_type: str) -> tuple[bytes, bytes]:
    picture = encoded(media_type)
    return signed(picture).data, signed(picture, chain=chain(name="Stranger")).data


@pytest.mark.parametrize("first", [0, 1])
def test_two_stores_in_a_png(first: int) -> None:
    pair = own_and_strangers("image/png")
    asset = Asset.from_bytes(attacks.with_second_store(pair[first], store_of(Asset.from_bytes(pair[1 - first]))))
    refused(asset)


@pytest.mark.parametrize("instance", [b"", b"\x02\x02"], ids=["the same box instance", "another box instance"])
def test_two_stores_in_a_jpeg(instance: bytes) -> None:
    own, strangers = own_and_strangers("image/jpeg")
    segment = app11(strangers)
    end = own.index(app11(own)) + len(app11(own))
    refused(Asset.from_bytes(own[:end] + segment[:6] + (instance or segment[6:8]) + segment[8:] + own[end:]))


def test_two_stores_in_a_webp() -> None:
    own, strangers = own_and_strangers("image/webp")
    at = strangers.index(b"C2PA")
    size = int.from_bytes(strangers[at + 4 : at + 8], "little")
    data = own + strangers[at : at + 8 + size + (size & 1)]
    refused(Asset.from_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:]))


def test_two_stores_in_an_avif() -> None:
    own, strangers = own_and_strangers("image/avif")
    at = strangers.index(BMFF) - 8
    refused(Asset.from_bytes(own + strangers[at : at + int.from_bytes(strangers[at : at + 4], "big")]))


def test_two_stores_in_a_format_that_is_not_walked() -> None:
    own, strangers = own_and_strangers("image/gif")
    assert carries_several_stores(Asset.from_bytes(own + strangers))


def refused(asset: Asset) -> None:
    assert carries_several_stores(asset)
    evidence = EXAMINER.examine(asset)
    assert "manifest.duplicate_store" in failure_codes(evidence)
    assert provenance_state(evidence) is ProvenanceState.INVALID


def app11(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xeb")
    return jpeg[at : at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")]


@pytest.mark.parametrize(
    "media_type", ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/tiff", "image/gif"]
)
def test_one_store_is_one(media_type: str) -> None:
    parent = signed(encoded(media_type))
    for asset in (encoded(media_type), parent, generated(asset=encoded(media_type))):
        assert not carries_several_stores(asset)


def test_a_store_inside_a_chunk_of_something_else_is_none() -> None:
    own = signed().data
    store = store_of(Asset.from_bytes(own))
    quoting = png_with(own, lambda n, c: [(n, c), (b"teXt", b"Comment\0" + store)] if n == b"IHDR" else [(n, c)])
    assert not carries_several_stores(Asset.from_bytes(quoting))


def test_a_store_beside_the_asset_and_another_in_it_are_two() -> None:
    asset, store = detached()
    evidence = C2paExaminer(sound_chain().trust(), sidecar=store).examine(signed())
    assert "manifest.duplicate_store" in failure_codes(evidence)
    assert provenance_state(C2paExaminer(sound_chain().trust(), sidecar=store).examine(asset)) is ProvenanceState.TRUSTED


def test_a_store_beside_the_asset_that_is_the_one_in_it_is_one() -> None:
    asset = signed()
    assert not carries_several_stores(asset, store_of(asset))


def test_a_store_beside_the_asset_does_not_hide_that_there_are_two_in_it() -> None:
    store = store_of(signed(encoded(seed=1)))
    two = Asset.from_bytes(attacks.with_second_store(signed().data, store))
    assert carries_several_stores(two, store)


def test_an_embedded_store_does_not_fit_beside_the_asset_it_was_taken_from() -> None:
    """Its hash leaves out a range where the store was: whatever stands there now would not be bound."""
    asset = signed()
    store = store_of(asset)
    size = 12 + len(store)
    at = asset.data.index(b"caBX") - 4
    other = asset.data[:at] + png_chunk(b"teXt", b"Comment\0".ljust(size - 12, b"x")) + asset.data[at + size :]
    for data in (attacks.stripped(asset.data), other):
        evidence = C2paExaminer(sound_chain().trust(), sidecar=store).examine(Asset.from_bytes(data))
        assert "assertion.dataHash.mismatch" in failure_codes(evidence)


@given(st.binary(max_size=200), st.sampled_from(["image/png", "image/jpeg", "image/webp", "image/avif", "image/gif"]))
def test_counting_ends_on_any_bytes(data: bytes, media_type: str) -> None:
    start = store_of(signed())[:64]
    carries_several_stores(Asset(start + data + start, media_type, ""))


def test_every_chunk_of_a_png_is_seen() -> None:
    assert [name for name, _ in png_chunks(signed().data)].count(b"caBX") == 1
