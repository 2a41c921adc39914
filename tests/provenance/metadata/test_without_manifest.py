"""Taking a C2PA store out: the store is gone, everything else is as it was."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from provenance.asset import Asset
from provenance.metadata import declaration
from provenance.metadata.tiff_structure import Structure, Value, with_tags
from provenance.pixels import decode

C2PA_JUMBF = (
    bytes(4) + b"jumb" + (30).to_bytes(4, "big") + b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\x00"
)
OTHER_JUMBF = C2PA_JUMBF.replace(b"jumdc2pa", b"jumdcstm")
BMFF_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def app11(instance: int, sequence: int, payload: bytes) -> bytes:
    body = b"JP" + instance.to_bytes(2, "big") + sequence.to_bytes(4, "big") + payload
    return b"\xff\xeb" + (len(body) + 2).to_bytes(2, "big") + body


def signed(media_type: str, data: bytes) -> bytes:
    """`data` with a store where the format keeps it (no valid one: nobody here looks inside)."""
    match media_type:
        case "image/png":
            chunk = b"caBX" + C2PA_JUMBF
            return data[:33] + len(C2PA_JUMBF).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:]
        case "image/jpeg":
            return data[:2] + app11(7, 1, C2PA_JUMBF) + app11(7, 2, b"....jumbmore of it") + data[2:]
        case "image/webp":
            body = data[8:] + b"C2PA" + len(C2PA_JUMBF).to_bytes(4, "little") + C2PA_JUMBF
            return b"RIFF" + len(body).to_bytes(4, "little") + body
        case "image/tiff":
            return with_tags(data, {52545: Value(7, C2PA_JUMBF)}, {})
        case _:
            return data + (24 + len(C2PA_JUMBF)).to_bytes(4, "big") + b"uuid" + BMFF_UUID + C2PA_JUMBF


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic"])
def test_removal_restores_the_file(media_type, plain):
    before = plain[media_type]
    after = declaration.without_manifest(Asset.from_bytes(signed(media_type, before)))
    assert np.array_equal(decode(after), decode(Asset.from_bytes(before)))
    assert b"c2pa" not in after.data
    if media_type in ("image/png", "image/jpeg", "image/webp"):
        assert after.data == before


def test_a_tiff_no_longer_points_to_its_store(plain):
    asset = Asset.from_bytes(signed("image/tiff", plain["image/tiff"]))
    after = declaration.without_manifest(asset)
    structure = Structure(after.data)
    assert 52545 not in structure.directory(structure.first_offset).entries
    assert b"c2pa" not in after.data
    assert np.array_equal(decode(after), decode(asset))


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/tiff"])
def test_an_asset_without_a_store_comes_back_as_it_is(media_type, plain):
    asset = Asset.from_bytes(plain[media_type])
    assert declaration.without_manifest(asset) is asset


def test_jumbf_of_another_kind_stays(plain):
    data = plain["image/jpeg"][:2] + app11(1, 1, OTHER_JUMBF) + app11(2, 1, C2PA_JUMBF) + plain["image/jpeg"][2:]
    after = declaration.without_manifest(Asset.from_bytes(data))
    assert after.data == plain["image/jpeg"][:2] + app11(1, 1, OTHER_JUMBF) + plain["image/jpeg"][2:]


def test_offsets_follow_when_a_store_before_the_pixels_goes(plain):
    data = plain["image/avif"]
    box = (24 + len(C2PA_JUMBF)).to_bytes(4, "big") + b"uuid" + BMFF_UUID + C2PA_JUMBF
    ftyp = int.from_bytes(data[:4], "big")
    # A free box of the same size first, so that the offsets in the file are right for a store at this place.
    moved = declaration.without_manifest(Asset.from_bytes(_shifted(data, ftyp, box)))
    assert np.array_equal(decode(moved), decode(Asset.from_bytes(data)))
    assert b"c2pa" not in moved.data


def _shifted(data: bytes, at: int, box: bytes) -> bytes:
    """`data` with `box` inserted at `at`; the file's only item offset (iloc version 0, 4 bytes) moved along."""
    iloc = data.index(b"iloc")
    field = iloc + 4 + 4 + 2 + 2 + 2 + 2 + 2
    offset = int.from_bytes(data[field : field + 4], "big") + len(box)
    patched = data[:field] + offset.to_bytes(4, "big") + data[field + 4 :]
    return patched[:at] + box + patched[at:]


def test_real_signed_files_lose_their_store_and_nothing_else(shared):
    for name in ["lab-attacks/valid_es256.jpg", "lab-attacks/valid_es256.png", "lab-attacks/valid_es256.webp"]:
        asset = Asset.from_bytes((shared / "c2pa" / name).read_bytes())
        after = declaration.without_manifest(asset)
        assert np.array_equal(decode(after), decode(asset))
        assert b"c2pa" not in after.data
