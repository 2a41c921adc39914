"""Places where others put metadata that we only read."""

from __future__ import annotations

import io
from dataclasses import replace

import piexif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from provenance.errors import AssetUnreadable
from provenance.metadata import disclosure, exif, xmp
from provenance.metadata.containers import bmff, gif, jpeg, png, webp
from provenance.metadata.containers.bmff_boxes import boxes

SAY = {"instance_id": "xmp:iid:1", "software": "assay 0.1.0"}


def test_imagemagicks_raw_profiles_in_png(record):
    block = piexif.dump({"0th": {305: b"NovelAI"}})
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    info = PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{lines}\n", zip=True)
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG", pnginfo=info)
    (found,) = png.read(out.getvalue()).exif
    assert exif.read(found).texts == (("Software", "NovelAI"),)


def test_a_raw_profile_that_is_none_is_a_flaw():
    info = PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n 8\nzz\n")
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG", pnginfo=info)
    (flaw,) = png.read(out.getvalue()).flaws
    assert flaw.locator == "PNG:Raw profile type exif"


def test_extended_xmp_in_jpeg_is_joined_in_order_and_kept_on_write(plain, record):
    packet = xmp.packet(disclosure.properties(record, **SAY))
    parts = []
    for start in (300, 0):  # out of order
        portion = packet[start:] if start else packet[:300]
        body = (
            b"http://ns.adobe.com/xmp/extension/\x00"
            + b"G" * 32
            + len(packet).to_bytes(4, "big")
            + start.to_bytes(4, "big")
            + portion
        )
        parts.append(b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body)
    data = plain["image/jpeg"][:2] + b"".join(parts) + plain["image/jpeg"][2:]
    assert jpeg.read(data).xmp == (packet,)
    assert jpeg.write(data, exif=exif.block(record, **SAY), xmp=b"<x/>").count(b"xmp/extension/") == 2


def test_fill_bytes_between_segments_are_allowed(plain):
    data = plain["image/jpeg"]
    assert jpeg.read(data[:2] + b"\xff\xff\xff" + data[2:]).flaws == ()


def test_gif_comment_and_xmp(record):
    packet = xmp.packet(disclosure.properties(record, **SAY))
    out = io.BytesIO()
    Image.new("P", (4, 4)).save(out, "GIF", comment=b"made by hand")
    data = out.getvalue()[:-1] + b"!\xff\x0bXMP DataXMP" + packet + b"\x01" + bytes(range(255, -1, -1)) + b"\x00;"
    found = gif.read(data)
    assert [field.text for field in found.text] == ["made by hand"]
    assert found.xmp == (packet,)
    assert found.flaws == ()


def test_webp_cut_inside_its_last_chunk_says_so_and_still_reads_the_first(plain, record):
    data = webp.write(plain["image/webp"], exif=exif.block(record, **SAY), xmp=xmp.packet(disclosure.properties(record, **SAY)))
    found = webp.read(data[:-40])
    assert found.flaws
    assert found.flaws[0].locator == "WebP"


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_metadata_other_encoders_wrote_is_read_and_replaced_in_place(name, pixels, record):
    old = piexif.dump({"0th": {piexif.ImageIFD.Artist: b"A. Person"}})
    out = io.BytesIO()
    packet = xmp.packet(disclosure.properties(replace(record, model="old"), **SAY))
    Image.fromarray(pixels).save(out, name, exif=old, xmp=packet)
    before = bmff.read(out.getvalue())
    assert before.exif == (old[6:],)
    assert b"old" in before.xmp[0]
    written = bmff.write(out.getvalue(), exif=b"II*\x00new", xmp=b"<x/>")
    after = bmff.read(written)
    assert (after.exif, after.xmp, after.flaws) == ((b"II*\x00new",), (b"<x/>",), ())
    assert b"A. Person" not in written


def test_boxes_that_overrun_are_refused():
    for data in (b"\x00\x00\x00\x20meta", b"\x00\x00\x00\x04meta", b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x08"):
        with pytest.raises(AssetUnreadable):
            boxes(data, 0, len(data))


def test_a_last_box_to_the_end_of_the_file_gets_a_size(plain, record):
    data = plain["image/avif"]
    at = data.index(b"mdat") - 4
    open_ended = data[:at] + bytes(4) + data[at + 4 :]
    written = bmff.write(open_ended, exif=exif.block(record, **SAY), xmp=b"<x/>")
    assert Image.open(io.BytesIO(written)).tobytes() == Image.open(io.BytesIO(data)).tobytes()
