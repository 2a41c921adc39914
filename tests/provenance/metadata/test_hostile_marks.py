"""Metadata made to exhaust, hide or mislead: bounded, said, and no cover for anything else."""

from __future__ import annotations

import zlib

import piexif
from PIL.PngImagePlugin import PngInfo

from provenance.asset import Asset
from provenance.evidence import Outcome, StatusEvidence
from provenance.metadata.containers import png
from provenance.metadata.marks import MAX_DECLARATIONS, MarksExaminer
from provenance.status_codes import MARKS_MALFORMED, MARKS_PRESENT
from tests.provenance.metadata.marked import A1111, COMFY_PROMPT, TRAINED, codes, found, jpeg_with, png_with, saved


def test_a_zipped_bomb_is_said_to_be_unreadable_and_hides_nothing_else():
    bomb = b"parameters\x00\x00" + zlib.compress(bytes(64 * 2**20), 9)
    data = png_with(prompt=COMFY_PROMPT).data
    asset = Asset.from_bytes(data[:33] + png._encode(b"zTXt", bomb) + data[33:])
    evidence = MarksExaminer().examine(asset)
    assert evidence[0] == StatusEvidence(
        "marks", MARKS_MALFORMED, Outcome.UNAVAILABLE, "PNG:parameters", "inflates to more than 4194304 bytes"
    )
    assert found(asset) == [(TRAINED, "ComfyUI", "PNG:prompt")]


def test_entities_in_xmp_are_refused_and_said():
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    (status,) = MarksExaminer().examine(saved("JPEG", xmp=laughs))
    assert isinstance(status, StatusEvidence)
    assert (status.code, status.outcome, status.locator) == (MARKS_MALFORMED, Outcome.UNAVAILABLE, "XMP")
    assert "document type" in status.explanation


def test_a_broken_tag_hides_no_other():
    data = bytearray(
        jpeg_with({piexif.ImageIFD.Software: b"AI generated;txt2img;flux", piexif.ImageIFD.Make: b"Camera Co"}).data
    )
    entry = data.index(b"\x01\x0f\x00\x02")  # Make, ASCII; its count follows
    data[entry + 4 : entry + 8] = b"\x00\xff\xff\xff"
    asset = Asset.from_bytes(bytes(data))
    assert codes(asset) == [MARKS_MALFORMED, MARKS_PRESENT]
    assert found(asset) == [(TRAINED, "flux", "EXIF:Software")]


def test_hostile_words_are_bounded_and_lose_their_control_characters():
    ((_, generator, _),) = found(jpeg_with({piexif.ImageIFD.Software: b"AI generated;x;\xe2\x80\xae\x1b[2J" + b"A" * 5000}))
    assert len(generator) == 200
    assert generator.isprintable()


def test_no_more_declarations_than_the_limit():
    ((_, *_), *_) = found(png_with(parameters=A1111))
    info = PngInfo()
    for number in range(100):
        info.add_text("parameters", A1111.replace("sd15", f"sd{number}"))
    assert len(found(saved("PNG", pnginfo=info))) == MAX_DECLARATIONS
