"""Whatever the bytes, reading says something and never breaks; writing works or raises one of Assay's errors."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime

import numpy as np
import piexif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from provenance.asset import Asset
from provenance.errors import AssayError
from provenance.generation import GenerationRecord
from provenance.metadata import declaration, disclosure, exif, xmp
from provenance.metadata.containers import bmff, gif, jpeg, png, tiff, webp
from provenance.metadata.marks import MarksExaminer
from provenance.metadata.png_text import TEXT_CHUNKS, decode_text
from provenance.metadata.tiff_structure import Structure, with_tags

RECORD = GenerationRecord(model="acme/model-1", created_at=datetime(2026, 1, 1, tzinfo=UTC), prompt="a lighthouse")
SAY = {"instance_id": "xmp:iid:0f8fad5b-d9cb-469f-a165-70867728950e", "software": "assay 0.1.0"}
MODULES = [bmff, gif, jpeg, png, tiff, webp]
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _whole() -> list[bytes]:
    """One file of each format with everything in it, made once; hypothesis breaks them."""
    rows, columns = np.mgrid[0:16, 0:24]
    pixels = np.stack([rows * 5, columns * 3, rows + columns], axis=-1).astype(np.uint8)
    made = [declaration.encode(pixels, RECORD, media_type=kind, **SAY).data for kind in declaration.MEDIA_TYPES]
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "GIF", comment=b"a comment")
    data = out.getvalue()
    packet = xmp.packet(disclosure.properties(RECORD, **SAY))
    extension = b"!\xff\x0bXMP DataXMP" + packet + b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
    return [*made, data[:-1] + extension + b";"]


WHOLE = _whole()


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A whole file with bytes changed, cut out, doubled, or its end missing."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["change", "cut", "double", "truncate", "long"])):
            case "change":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
            case "truncate":
                del data[at:]
            case "long":
                data[at : at + 4] = draw(st.sampled_from([b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4), b"\x80\x00\x00\x00"]))
    return bytes(data)


def try_everything(data: bytes) -> None:
    with contextlib.suppress(AssayError):
        asset = Asset.from_bytes(data)
        assert MarksExaminer().examine(asset), "an examiner that says nothing has not looked"
        with contextlib.suppress(AssayError):
            declaration.without_manifest(asset)
        written = declaration.write(asset, RECORD, **SAY)
        assert any(e for e in MarksExaminer().examine(written))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(broken())
def test_mutated_files(data):
    try_everything(data)


@quick
@given(
    st.sampled_from(
        [
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF\x40\x00\x00\x00WEBP",
            b"II*\x00",
            b"MM\x00*",
            b"GIF89a",
            b"\x00\x00\x00\x14ftypavif",
        ]
    ),
    st.binary(max_size=400),
)
def test_magic_numbers_with_anything_behind_them(magic, rest):
    try_everything(magic + rest)


@quick
@given(st.binary(max_size=300))
def test_every_reader_alone_takes_any_bytes(data):
    for module in MODULES:
        module.read(data)
    exif.read(data)
    exif.comment_text(data)
    for kind in TEXT_CHUNKS:
        with contextlib.suppress(AssayError):
            decode_text(kind, data, limit=1000)
    with contextlib.suppress(AssayError):
        xmp.read(data)


@quick
@given(st.sampled_from([b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08"]), st.binary(max_size=200))
def test_any_directory_is_read_or_refused(head, rest):
    data = head + rest
    exif.read(data)
    with contextlib.suppress(AssayError):
        merged = exif.merged(data, exif.block(RECORD, **SAY))
        assert dict(exif.read(merged).texts)["Software"].startswith("AI generated")


@quick
@given(st.binary(max_size=200), st.text(max_size=50))
def test_any_xmp_is_read_or_refused(noise, text):
    packet = xmp.packet(disclosure.properties(RECORD, **SAY))
    at = len(noise) * 7 % len(packet)
    for data in (packet[:at] + noise + packet[at:], packet.replace(b"a lighthouse", text.encode("utf-8", "replace"))):
        with contextlib.suppress(AssayError):
            xmp.edited(data, disclosure.properties(RECORD, **SAY))


@quick
@given(st.text(max_size=300), st.text(max_size=100), st.text(min_size=1, max_size=30))
def test_any_prompt_is_declared_or_refused(prompt, negative, model):
    with contextlib.suppress(AssayError):
        record = GenerationRecord(
            model=model, created_at=datetime(2026, 1, 1, tzinfo=UTC), prompt=prompt, negative_prompt=negative
        )
        for data in WHOLE[:3]:
            asset = declaration.write(Asset.from_bytes(data), record, **SAY)
            assert MarksExaminer().examine(asset)[0].code == "marks.present"


@pytest.mark.parametrize("kind", ["0th", "Exif"])
def test_a_count_of_four_billion_is_refused_without_reading_it(kind):
    block = bytearray(piexif.dump({"0th": {305: b"some software"}, "Exif": {37510: b"ASCII\x00\x00\x00text"}})[6:])
    tag = {"0th": b"\x01\x31\x00\x02", "Exif": b"\x92\x86\x00\x07"}[kind]
    at = block.index(tag) + 4
    block[at : at + 4] = b"\xff\xff\xff\xff"
    (flaw,) = exif.read(bytes(block)).flaws
    assert "4294967295" in flaw.reason


def test_a_directory_that_points_to_itself_ends():
    block = b"MM\x00*\x00\x00\x00\x08\x00\x01\x87\x69\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08"
    assert exif.read(block).texts == ()
    assert Structure(with_tags(block, {}, {})).first_offset > 8


def test_xml_too_deep_or_too_wide_is_refused():
    for packet in (b"<a>" * 5000 + b"</a>" * 5000, b"<a>" + b"<b/>" * 60_000 + b"</a>"):
        with pytest.raises(AssayError, match="more than"):
            xmp.read(packet)


def test_a_million_tiny_parts_are_refused_quickly():
    chunks = b"".join(png._encode(b"tEXt", b"a\x00b") for _ in range(70_000))
    asset = Asset.from_bytes(WHOLE[0][:33] + chunks + WHOLE[0][33:])
    assert {e.locator for e in MarksExaminer().examine(asset)} >= {"PNG"}
