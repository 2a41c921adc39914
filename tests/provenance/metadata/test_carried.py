"""What a derivative says of its source: labels, rights and descriptions stay; sizes, positions and stale references do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import piexif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.errors import AssetUnreadable
from provenance.evidence import declarations
from provenance.metadata import container, exif, xmp
from provenance.metadata.carried import carry
from provenance.metadata.encoding import ENCODABLE_MEDIA_TYPES, encode_pixels
from provenance.metadata.fields import Source, read_fields
from provenance.metadata.marks import MarksExaminer
from provenance.metadata.tiff_structure import Structure
from provenance.metadata.xmp import Property
from tests.assets.pictures import picture, saved
from tests.provenance.metadata import hidden_marks

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SMALL = picture()[::2, ::2].copy()
PARAMETERS = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
COMFYUI = '{"3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20}}}'
TRAINED = str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
COMPOSITE = str(DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)


def carried(source: Asset, media_type: str = "image/jpeg") -> Asset:
    bare = encode_pixels(SMALL, media_type=media_type)
    return carry(source, bare, size=(32, 24), instance_id="xmp.iid:the-derivative", at=AT)


def source(name: str = "JPEG", **options: Any) -> Asset:
    return Asset.from_bytes(saved(Image.fromarray(picture()), name, **options))


def png(**texts: str) -> Asset:
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    return source("PNG", pnginfo=chunks)


def packet(*properties: tuple[str, str, str]) -> bytes:
    described = "".join(f'<p:{name} xmlns:p="{space}">{value}</p:{name}>' for space, name, value in properties)
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{xmp.RDF}"><rdf:Description rdf:about="">{described}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def said(asset: Asset, kind: Source) -> dict[str, str]:
    found = read_fields(asset)
    assert not found.flaws
    return {field.name: field.text for field in found.fields if field.source is kind}


def synthetic(asset: Asset) -> set[str | None]:
    return {mark.digital_source_type for mark in declarations(MarksExaminer().examine(asset))}


@pytest.mark.parametrize("media_type", ENCODABLE_MEDIA_TYPES)
def test_names_rights_and_descriptions_stay(media_type: str) -> None:
    block = piexif.dump(
        {
            "0th": {270: b"a harbour", 315: b"Ann Onymous", 33432: "© Ann".encode(), 271: b"Maker", 272: b"X1"},
            "Exif": {piexif.ExifIFD.ExposureTime: (1, 60), piexif.ExifIFD.ISOSpeedRatings: 400, 40962: 64, 40963: 48},
        }
    )
    derived = carried(source(exif=block), media_type)
    texts = said(derived, Source.EXIF)
    assert {name: texts[name] for name in ("ImageDescription", "Artist", "Copyright", "Make", "Model")} == {
        "ImageDescription": "a harbour",
        "Artist": "Ann Onymous",
        "Copyright": "© Ann",
        "Make": "Maker",
        "Model": "X1",
    }
    structure = Structure(container.read(derived).exif[0])
    nested = structure.exif_directory(structure.directory(structure.first_offset))
    assert nested is not None
    values = {tag: structure.value(entry) for tag, entry in nested.entries.items()}
    numbers = [int.from_bytes(values[tag], structure.order) for tag in (40962, 40963, 34855)]
    assert numbers == [32, 24, 400]  # the size is the derivative's, the sensitivity the camera's
    first, second = values[33434][:4], values[33434][4:]
    assert [int.from_bytes(part, structure.order) for part in (first, second)] == [1, 60]


def test_orientation_position_thumbnail_and_maker_note_do_not() -> None:
    block = piexif.dump(
        {
            "0th": {274: 6, 271: b"Maker"},
            "Exif": {piexif.ExifIFD.MakerNote: b"offsets of its own" * 20},
            "GPS": {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: ((1, 1), (2, 1), (3, 1))},
            "1st": {259: 6},
            "thumbnail": saved(Image.fromarray(SMALL), "JPEG"),
        }
    )
    derived = carried(source(exif=block))
    found = piexif.load(container.read(derived).exif[0])
    assert found["0th"].get(274) is None
    assert (found["GPS"], found["1st"], found["thumbnail"]) == ({}, {}, None)
    assert piexif.ExifIFD.MakerNote not in found["Exif"]
    assert found["0th"][271] == b"Maker"


def test_a_word_in_the_maker_note_stays() -> None:
    block = piexif.dump({"Exif": {piexif.ExifIFD.MakerNote: b"fooocus", piexif.ExifIFD.UserComment: b"ASCII\0\0\0{}"}})
    assert said(carried(source(exif=block)), Source.EXIF)["MakerNote"] == "fooocus"


@pytest.mark.parametrize("media_type", ENCODABLE_MEDIA_TYPES)
def test_every_label_in_xmp_stays(media_type: str) -> None:
    labelled = packet(
        (xmp.IPTC_EXTENSION, "DigitalSourceType", COMPOSITE),
        (xmp.IPTC_EXTENSION, "AIPromptInformation", "a cat"),
        (xmp.TC260, "AIGC", '{"Label": "1"}'),
        ("http://ns.useplus.org/ldf/xmp/1.0/", "DataMining", "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"),
        ("http://purl.org/dc/elements/1.1/", "rights", "all reserved"),
    )
    derived = carried(source("WEBP", xmp=labelled), media_type)
    (written,) = container.read(derived).xmp
    for value in (COMPOSITE.encode(), b"a cat", b"DMI-PROHIBITED", b"all reserved", b"Label"):
        assert value in written
    assert said(derived, Source.XMP)["xmpMM:InstanceID"] == "xmp.iid:the-derivative"
    assert said(derived, Source.XMP)["xmp:ModifyDate"] == "2026-01-02T03:04:05+00:00"


def test_what_would_be_wrong_of_the_derivative_is_dropped_from_xmp() -> None:
    stale = packet(
        ("http://ns.adobe.com/tiff/1.0/", "Orientation", "6"),
        ("http://ns.adobe.com/exif/1.0/", "PixelXDimension", "4000"),
        ("http://ns.adobe.com/exif/1.0/", "GPSLatitude", "1,2N"),
        ("http://purl.org/dc/terms/", "provenance", "https://example.org/manifest.c2pa"),
        ("http://ns.adobe.com/hdr-gain-map/1.0/", "Version", "1.0"),
        (xmp.XMP_MEDIA, "InstanceID", "xmp.iid:the-source"),
        (xmp.XMP_MEDIA, "DocumentID", "xmp.did:both"),
    )
    (written,) = container.read(carried(source("WEBP", xmp=stale))).xmp
    for value in (b"Orientation", b"4000", b"1,2N", b"manifest.c2pa", b"hdr-gain-map", b"the-source"):
        assert value not in written
    assert b"the-derivative" in written
    assert Property(xmp.XMP_MEDIA, "InstanceID", "xmp.iid:the-derivative") in xmp.read(written)


def test_png_text_stays_in_png() -> None:
    derived = carried(png(parameters=PARAMETERS, Author="Ann", workflow="{}"), "image/png")
    assert said(derived, Source.TEXT) == {"parameters": PARAMETERS, "Author": "Ann", "workflow": "{}"}


@pytest.mark.parametrize("media_type", sorted(set(ENCODABLE_MEDIA_TYPES) - {"image/png"}))
def test_png_text_goes_where_it_has_a_place(media_type: str) -> None:
    derived = carried(png(parameters=PARAMETERS, Author="Ann", Copyright="© Ann", AIGC='{"Label": "1"}'), media_type)
    texts = said(derived, Source.EXIF)
    assert (texts["UserComment"], texts["Artist"], texts["Copyright"]) == (PARAMETERS, "Ann", "© Ann")
    assert said(derived, Source.XMP)["TC260:AIGC"] == '{"Label": "1"}'


def test_parameters_beyond_ascii_stay() -> None:
    text = PARAMETERS.replace("cat", "chaton à Zürich 猫")
    assert said(carried(png(parameters=text)), Source.EXIF)["UserComment"] == text


@pytest.mark.parametrize("media_type", ENCODABLE_MEDIA_TYPES)
@pytest.mark.parametrize(
    "texts", [{"prompt": COMFYUI}, {"parameters": PARAMETERS}, {"Software": "NovelAI", "Source": "NovelAI"}]
)
def test_what_declared_the_source_synthetic_still_does(texts: dict[str, str], media_type: str) -> None:
    marked = png(**texts)
    assert TRAINED in synthetic(marked)
    assert TRAINED in synthetic(carried(marked, media_type))


def test_a_mark_without_a_place_is_said_in_the_property_that_stands_for_it() -> None:
    derived = carried(png(prompt=COMFYUI))
    assert said(derived, Source.XMP)["Iptc4xmpExt:DigitalSourceType"] == TRAINED
    assert said(derived, Source.XMP)["Iptc4xmpExt:AISystemUsed"] == "ComfyUI"


def test_a_mark_in_the_pixels_is_said_before_resampling_loses_it() -> None:
    marked = hidden_marks.png(hidden_marks.with_hidden(picture(), "stealth_pngcomp", hidden_marks.compressed(PARAMETERS)))
    assert synthetic(marked) == set()  # nothing written
    assert TRAINED in synthetic(carried(marked))


def test_nothing_is_declared_of_a_picture_that_declared_nothing() -> None:
    derived = carried(source())
    assert synthetic(derived) == set()
    assert not {"Iptc4xmpExt:DigitalSourceType", "Iptc4xmpExt:AISystemUsed"} & said(derived, Source.XMP).keys()


def test_exif_too_long_for_a_jpeg_keeps_names_and_the_declaration() -> None:
    long = png(parameters="cat " * 20_000 + PARAMETERS, Author="Ann")
    derived = carried(long)
    assert said(derived, Source.EXIF)["Artist"] == "Ann"
    assert TRAINED in synthetic(derived)


def test_names_in_an_iptc_block_alone_are_kept() -> None:
    record = b"\x1c\x02\x50\x00\x03Ann" + b"\x1c\x02\x74\x00\x05(Ann)"
    resource = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + bytes(len(record) % 2)
    segment = b"Photoshop 3.0\0" + resource
    jpeg = source().data
    marked = jpeg[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]
    texts = said(carried(Asset.from_bytes(marked)), Source.EXIF)
    assert (texts["Artist"], texts["Copyright"]) == ("Ann", "(Ann)")


@pytest.mark.parametrize("order", ["little", "big"])
def test_numbers_keep_their_value_whatever_the_byte_order(order: Any) -> None:
    header = b"II*\0" if order == "little" else b"MM\0*"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)

    nested_at = 8 + 2 + 12 + 4
    zeroth = number(1, 2) + number(34665, 2) + number(4, 2) + number(1, 4) + number(nested_at, 4) + bytes(4)
    nested = number(1, 2) + number(34855, 2) + number(3, 2) + number(1, 4) + number(400, 2) + bytes(2) + bytes(4)
    block = header + number(8, 4) + zeroth + nested
    found = piexif.load(container.read(carried(source(exif=b"Exif\0\0" + block))).exif[0])
    assert found["Exif"][34855] == 400


def test_metadata_that_cannot_be_read_is_not_dropped_in_silence() -> None:
    with pytest.raises(AssetUnreadable, match="cannot be carried over"):
        carried(Asset.from_bytes(source("WEBP").data[:-4]))


def test_a_packet_that_is_no_xml_is_not_dropped_in_silence() -> None:
    with pytest.raises(AssetUnreadable):
        carried(source("WEBP", xmp=b"<x:xmpmeta"))


def test_carrying_again_says_the_same() -> None:
    once = carried(png(parameters=PARAMETERS, Author="Ann"))
    assert carried(once).data == once.data


@settings(max_examples=30, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
    keyword=st.sampled_from(["parameters", "Author", "AIGC", "Comment", "prompt"]),
    media_type=st.sampled_from(["image/png", "image/jpeg", "image/webp", "image/tiff"]),
)
def test_any_text_is_carried_or_left(text: str, keyword: str, media_type: str) -> None:
    derived = carried(png(**{keyword: text}), media_type)
    assert read_fields(derived).flaws == ()
    assert exif.read(container.read(derived).exif[0]).flaws == ()
