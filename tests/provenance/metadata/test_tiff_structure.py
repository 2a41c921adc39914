"""Adding tags to a TIFF structure: nothing else moves."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from provenance.errors import AssetUnreadable
from provenance.metadata.tiff_structure import MAX_ENTRIES, Structure, Value, with_tags

SOFTWARE, DESCRIPTION, COMMENT = 305, 270, 37510
EMPTY = b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def texts(data: bytes) -> dict[int, bytes]:
    structure = Structure(data)
    first = structure.directory(structure.first_offset)
    nested = structure.exif_directory(first)
    entries = [*first.entries.items(), *(nested.entries.items() if nested else [])]
    return {tag: structure.value(entry) for tag, entry in entries if entry.kind in (2, 7)}


@pytest.mark.parametrize("order", [b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08"])
def test_short_and_long_values_in_both_byte_orders(order):
    data = with_tags(
        order + bytes(6), {SOFTWARE: Value(2, b"ab\x00"), DESCRIPTION: Value(2, b"longer text\x00")}, {COMMENT: Value(7, b"c")}
    )
    assert texts(data) == {SOFTWARE: b"ab\x00", DESCRIPTION: b"longer text\x00", COMMENT: b"c"}
    assert data[8:14] == bytes(6)


def test_a_later_write_replaces_the_block_and_keeps_its_tags():
    once = with_tags(EMPTY, {SOFTWARE: Value(2, b"first version\x00"), DESCRIPTION: Value(2, b"description\x00")}, {})
    twice = with_tags(once, {SOFTWARE: Value(2, b"other version\x00")}, {})
    assert texts(twice) == {SOFTWARE: b"other version\x00", DESCRIPTION: b"description\x00"}
    assert len(twice) == len(once)


def test_something_appended_by_others_is_not_cut_off():
    once = with_tags(EMPTY, {SOFTWARE: Value(2, b"first version\x00")}, {})
    twice = with_tags(once + b"others", {SOFTWARE: Value(2, b"other version\x00")}, {})
    assert b"others" in twice
    assert b"first version" not in twice


def test_pages_after_the_first_stay(pixels):
    out = io.BytesIO()
    pages = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    written = Image.open(io.BytesIO(with_tags(out.getvalue(), {SOFTWARE: Value(2, b"software\x00")}, {})))
    assert written.n_frames == 2
    written.seek(1)
    assert written.getpixel((0, 0)) == tuple(255 - pixels[0, 0])


def test_blanking_never_touches_image_data(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "TIFF")
    data = out.getvalue()
    structure = Structure(data)
    strip = structure.integer(structure.directory(structure.first_offset).entries[273].field)
    lying = with_tags(data, {SOFTWARE: Value(2, b"12345678\x00")}, {})
    entry = lying.rindex((305).to_bytes(2, "little") + b"\x02\x00")
    crafted = lying[: entry + 8] + strip.to_bytes(4, "little") + lying[entry + 12 :]
    rewritten = with_tags(crafted, {SOFTWARE: Value(2, b"new software\x00")}, {})
    assert Image.open(io.BytesIO(rewritten)).tobytes() == pixels.tobytes()


TOO_MANY = EMPTY[:8] + (MAX_ENTRIES + 1).to_bytes(2, "little") + bytes(20_000)


@pytest.mark.parametrize(
    "data", [b"", b"II*\x00", b"PNG.....", b"II*\x00\xff\xff\xff\xff", b"II*\x00\x08\x00\x00\x00\x05\x00", TOO_MANY]
)
def test_what_is_no_structure_is_refused(data):
    with pytest.raises(AssetUnreadable):
        with_tags(data, {}, {})
