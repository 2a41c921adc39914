"""Every container: pixels stay, metadata arrives where others look for it, what was there is kept."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import piexif
import pytest
from PIL import Image, ImageCms

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.errors import AssetUnreadable, AssetUnsupported, RecordInvalid
from provenance.metadata import container, declaration, exif, xmp
from provenance.metadata.containers import bmff_boxes, bmff_items, jpeg, png, riff
from provenance.metadata.tiff_structure import Structure
from provenance.pixels import decode

FORMATS = ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/tiff"]
IID = "xmp:iid:0f8fad5b-d9cb-469f-a165-70867728950e"
SAY = {"instance_id": IID, "software": "assay 0.1.0"}


def coded(asset: Asset) -> bytes:
    """The encoded picture of an asset, taken out by its container's own rules."""
    data = asset.data
    match asset.media_type:
        case "image/png":
            return b"".join(data[c.start : c.end] for c in png._chunks(data) if c.kind == b"IDAT")
        case "image/jpeg":
            kept = [s for s in jpeg._segments(data) if s.marker not in (0xE0, 0xE1, 0xE2)]
            return b"".join(data[s.start : s.end] for s in kept) + data[kept[-1].end :]
        case "image/webp":
            return b"".join(c.payload for c in riff.chunks(data, b"WEBP") if c.kind in (b"VP8 ", b"VP8L", b"ALPH"))
        case "image/tiff":
            structure = Structure(data)
            entries = structure.directory(structure.first_offset).entries
            offsets, counts = ([structure.integer(v[i : i + 4]) for i in range(0, len(v), 4)] for v in (
                _longs(structure, entries[273]), _longs(structure, entries[279])))  # fmt: skip
            return b"".join(data[at : at + count] for at, count in zip(offsets, counts, strict=True))
        case _:
            meta = next(box for box in bmff_boxes.top_level(data) if box.kind == b"meta")
            table = bmff_items.ItemTable.of(data, meta)
            pictures = [i.item_id for i in table.items if i.kind in (b"av01", b"hvc1")]
            assert pictures
            return b"".join(table.payload(i, limit=2**20) for i in pictures)


def _longs(structure: Structure, entry) -> bytes:
    value = structure.value(entry)
    if entry.kind == 4:
        return value
    return b"".join(structure.integer(value[i : i + 2]).to_bytes(4, structure.order) for i in range(0, len(value), 2))


def opened(asset: Asset) -> Image.Image:
    return Image.open(io.BytesIO(asset.data))


def said(asset: Asset) -> dict[str, str]:
    """XMP properties of the only packet."""
    (packet,) = container.read(asset).xmp
    return {p.label: p.value for p in xmp.read(packet)}


@pytest.mark.parametrize("media_type", FORMATS)
def test_write_leaves_the_encoded_pixels_byte_for_byte(media_type, plain, record):
    before = Asset.from_bytes(plain[media_type])
    after = declaration.write(before, record, **SAY)
    assert after.media_type == media_type
    assert coded(after) == coded(before)
    assert np.array_equal(decode(after), decode(before))


@pytest.mark.parametrize("media_type", FORMATS)
def test_other_software_reads_what_was_written(media_type, plain, record):
    image = opened(declaration.write(Asset.from_bytes(plain[media_type]), record, **SAY))
    tags = image.getexif()
    nested = tags.get_ifd(piexif.ImageIFD.ExifTag)
    assert tags[piexif.ImageIFD.Software] == "AI generated;text-to-image;acme/model-1;assay 0.1.0"
    assert tags[piexif.ImageIFD.ImageDescription] == "a lighthouse, dusk"
    assert tags[piexif.ImageIFD.DateTime] == "2026:11:22 03:04:05"
    assert nested[piexif.ExifIFD.DateTimeOriginal] == "2026:11:22 03:04:05"
    assert nested[piexif.ExifIFD.OffsetTimeOriginal] == "+00:00"
    assert nested[piexif.ExifIFD.ImageUniqueID] == "0f8fad5bd9cb469fa16570867728950e"
    comment = exif.comment_text(nested[piexif.ExifIFD.UserComment])
    assert comment.startswith(
        "a lighthouse, dusk\nNegative prompt: blurry\nSteps: 20, Sampler: EulerDiscreteScheduler, CFG scale: 7.5"
    )
    assert piexif.ImageIFD.Make not in tags
    assert b"Iptc4xmpExt:DigitalSourceType" in image.info["xmp"]


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/webp", "image/tiff"])
def test_piexif_reads_what_was_written(media_type, plain, record):
    loaded = piexif.load(declaration.write(Asset.from_bytes(plain[media_type]), record, **SAY).data)
    assert loaded["0th"][piexif.ImageIFD.ImageDescription] == b"a lighthouse, dusk"
    assert loaded["Exif"][piexif.ExifIFD.UserComment].startswith(b"ASCII\x00\x00\x00a lighthouse")


@pytest.mark.parametrize("media_type", FORMATS)
def test_xmp_declares_the_record(media_type, plain, record):
    assert said(declaration.write(Asset.from_bytes(plain[media_type]), record, **SAY)) == {
        "Iptc4xmpExt:DigitalSourceType": str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA),
        "Iptc4xmpExt:AISystemUsed": "acme/model-1",
        "Iptc4xmpExt:AISystemVersionUsed": "1.2",
        "Iptc4xmpExt:AIPromptInformation": "a lighthouse, dusk\nNegative prompt: blurry",
        "xmp:CreatorTool": "assay 0.1.0",
        "xmp:CreateDate": "2026-11-22T03:04:05+00:00",
        "xmpMM:InstanceID": IID,
        "TC260:AIGC": (
            '{"Label":"1","ContentProducer":"unnamed provider","ProduceID":"0f8fad5b-d9cb-469f-a165-70867728950e",'
            '"ReservedCode1":"","ContentPropagator":"","PropagateID":"","ReservedCode2":""}'
        ),
    }


@pytest.mark.parametrize("media_type", FORMATS)
def test_writing_the_same_again_changes_nothing(media_type, plain, record):
    once = declaration.write(Asset.from_bytes(plain[media_type]), record, **SAY)
    assert declaration.write(once, record, **SAY).data == once.data


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_prompt_that_is_dropped_later_leaves_no_trace(media_type, plain, record):
    once = declaration.write(Asset.from_bytes(plain[media_type]), record, **SAY)
    again = declaration.write(once, replace(record, prompt=None, negative_prompt=None), **SAY)
    assert b"lighthouse" in once.data
    assert b"lighthouse" not in again.data
    assert b"Negative prompt" not in again.data
    assert "Iptc4xmpExt:AIPromptInformation" not in said(again)


@pytest.mark.parametrize("media_type", FORMATS)
def test_without_consent_no_prompt_is_written(media_type, pixels, record):
    silent = replace(record, prompt=None, negative_prompt=None)
    asset = declaration.encode(pixels, silent, media_type=media_type, **SAY)
    assert piexif.ImageIFD.ImageDescription not in opened(asset).getexif()
    assert "Iptc4xmpExt:AIPromptInformation" not in said(asset)
    assert opened(asset).getexif().get_ifd(piexif.ExifIFD.UserComment) is not None
    assert b"lighthouse" not in asset.data


@pytest.mark.parametrize("media_type", FORMATS)
def test_encode_makes_the_asked_format_with_the_declaration_in_it(media_type, pixels, record):
    asset = declaration.encode(pixels, record, media_type=media_type, **SAY)
    assert asset.media_type == media_type
    difference = np.abs(decode(asset).astype(int) - pixels.astype(int))
    assert difference.mean() < (0.01 if media_type in ("image/png", "image/tiff") else 12)
    assert said(asset)["Iptc4xmpExt:AISystemUsed"] == "acme/model-1"


@pytest.mark.parametrize("media_type", FORMATS)
def test_text_beyond_ascii_survives(media_type, pixels, record):
    asset = declaration.encode(pixels, replace(record, prompt="Ein Leuchtturm ☀ 灯塔 <&>"), media_type=media_type, **SAY)
    (block,) = container.read(asset).exif
    texts = dict(exif.read(block).texts)
    assert texts["ImageDescription"] == "Ein Leuchtturm ☀ 灯塔 <&>"
    assert texts["UserComment"].startswith("Ein Leuchtturm ☀ 灯塔 <&>\nNegative prompt: blurry\n")
    assert said(asset)["Iptc4xmpExt:AIPromptInformation"].startswith("Ein Leuchtturm ☀ 灯塔 <&>\n")


def test_png_text_is_where_web_uis_look(pixels, record):
    info = opened(declaration.encode(pixels, record, media_type="image/png", **SAY)).info
    assert info["parameters"].startswith("a lighthouse, dusk\nNegative prompt: blurry\nSteps: 20, ")
    assert info["Software"] == "AI generated;text-to-image;acme/model-1;assay 0.1.0"


def test_a_composite_says_so(plain, pixels, record):
    from provenance.generation import GenerationMode

    parent = Asset.from_bytes(plain["image/png"])
    composite = replace(record, mode=GenerationMode.IMAGE_TO_IMAGE, parents=(parent,))
    asset = declaration.encode(pixels, composite, media_type="image/jpeg", **SAY)
    assert said(asset)["Iptc4xmpExt:DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")


@pytest.mark.parametrize("media_type", FORMATS)
def test_existing_exif_icc_and_xmp_are_kept(media_type, pixels, record):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    old_exif = Image.Exif()
    old_exif[piexif.ImageIFD.Make], old_exif[piexif.ImageIFD.Artist] = "Camera Co", "A. Person"
    if media_type not in ("image/heic", "image/avif"):  # those encoders turn the tag into a transformation of their own
        old_exif[piexif.ImageIFD.Orientation] = 6
    old_exif.get_ifd(piexif.ImageIFD.GPSTag)[1] = "N"
    old_xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<r:Description r:about="" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        b' i:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture" dc:format="a&#10;b">'
        b"<dc:rights><r:Alt><r:li>Kept &amp; safe</r:li></r:Alt></dc:rights></r:Description></r:RDF></x:xmpmeta>"
    )
    name = {"image/heic": "HEIF"}.get(media_type, media_type.removeprefix("image/").upper())
    out = io.BytesIO()
    extra = {} if name == "TIFF" else {"xmp": old_xmp}
    if name == "TIFF":
        old_exif[700] = old_xmp
    if name == "PNG":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", old_xmp.decode())
        text.add_text("Copyright", "kept")
        extra = {"pnginfo": text}
    Image.fromarray(pixels).save(out, name, exif=old_exif, icc_profile=profile, **extra)
    before = Asset.from_bytes(out.getvalue())
    after = declaration.write(before, record, **SAY)
    assert coded(after) == coded(before)
    assert np.array_equal(decode(after), decode(before))
    image = opened(after)
    tags = image.getexif()
    assert image.info["icc_profile"] == opened(before).info["icc_profile"]
    assert tags[piexif.ImageIFD.Make] == "Camera Co"
    assert tags[piexif.ImageIFD.Artist] == "A. Person"
    if media_type not in ("image/heic", "image/avif"):
        assert tags[piexif.ImageIFD.Orientation] == 6
    assert tags.get_ifd(piexif.ImageIFD.GPSTag) == opened(before).getexif().get_ifd(piexif.ImageIFD.GPSTag)
    assert tags[piexif.ImageIFD.Software].startswith("AI generated")
    assert said(after)["Iptc4xmpExt:DigitalSourceType"] == str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
    (packet,) = container.read(after).xmp
    assert b"Kept &amp; safe" in packet
    assert b'dc:format="a&#10;b"' in packet
    assert packet.count(b"DigitalSourceType>") == 2  # one element, open and close, and no attribute beside it
    assert b"digitalCapture" not in packet
    if name == "PNG":
        assert image.info["Copyright"] == "kept"
    assert declaration.write(after, record, **SAY).data == after.data


def test_a_thumbnail_and_a_maker_note_keep_their_places(plain, record):
    thumbnail = io.BytesIO()
    Image.new("RGB", (8, 8)).save(thumbnail, "JPEG")
    note = b"maker note with offsets of its own" * 4
    old = {"0th": {piexif.ImageIFD.Make: b"Camera Co"}, "Exif": {piexif.ExifIFD.MakerNote: note}, "1st": {}}
    block = piexif.dump({**old, "thumbnail": thumbnail.getvalue()})
    merged = exif.merged(block[6:], exif.block(record, **SAY))
    loaded = piexif.load(b"Exif\x00\x00" + merged)
    assert merged.index(note) == block[6:].index(note)
    assert loaded["Exif"][piexif.ExifIFD.MakerNote] == note
    assert Image.open(io.BytesIO(loaded["thumbnail"])).size == (8, 8)


def test_a_replaced_comment_is_not_left_in_the_old_bytes(record):
    old = piexif.dump({"0th": {}, "Exif": {piexif.ExifIFD.UserComment: b"ASCII\x00\x00\x00somebody's secret prompt"}})
    assert b"secret" not in exif.merged(old[6:], exif.block(record, **SAY))


def test_a_long_prompt_that_fits_no_jpeg_twice_is_said_once(pixels, record):
    asset = declaration.encode(pixels, replace(record, prompt="塔" * 16_000), media_type="image/jpeg", **SAY)
    tags = opened(asset).getexif()
    assert piexif.ImageIFD.ImageDescription not in tags
    assert said(asset)["Iptc4xmpExt:AIPromptInformation"].startswith("塔塔")


def test_a_declaration_too_long_for_a_jpeg_segment_is_refused_not_cut(pixels, record):
    long = replace(record, prompt="塔" * 16_000, negative_prompt="塔" * 16_000)
    with pytest.raises(RecordInvalid, match="segment"):
        declaration.encode(pixels, long, media_type="image/jpeg", **SAY)
    assert declaration.encode(pixels, long, media_type="image/png", **SAY).media_type == "image/png"


def test_where_the_cameras_exif_fills_the_segment_xmp_alone_declares(pixels, record):
    out = io.BytesIO()
    full = piexif.dump({"0th": {piexif.ImageIFD.Make: b"Camera Co"}, "Exif": {piexif.ExifIFD.MakerNote: b"\x01" * 65_300}})
    Image.fromarray(pixels).save(out, "JPEG", exif=full)
    after = declaration.write(Asset.from_bytes(out.getvalue()), record, **SAY)
    assert container.read(after).exif == (full[6:],)
    assert said(after)["Iptc4xmpExt:AISystemUsed"] == "acme/model-1"


def test_gif_is_refused(record):
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "GIF")
    asset = Asset.from_bytes(out.getvalue())
    with pytest.raises(AssetUnsupported):
        declaration.write(asset, record, **SAY)
    with pytest.raises(AssetUnsupported):
        declaration.without_manifest(asset)


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_truncated_container_is_refused(media_type, plain, record):
    half = Asset.from_bytes(plain[media_type][: 40 if media_type == "image/tiff" else 30])
    with pytest.raises(AssetUnreadable):
        declaration.write(half, record, **SAY)


def test_malformed_xmp_is_refused_because_it_could_not_be_kept(plain, record):
    data = jpeg.write(plain["image/jpeg"], exif=exif.block(record, **SAY), xmp=b"<x:xmpmeta")
    with pytest.raises(AssetUnreadable, match="XML"):
        declaration.write(Asset.from_bytes(data), record, **SAY)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)],
)
def test_encode_refuses_what_is_no_rgb(wrong, record):
    with pytest.raises(ValueError, match="pixels must be"):
        declaration.encode(wrong, record, media_type="image/png", **SAY)


def test_encode_refuses_other_formats_qualities_and_sizes(pixels, record):
    with pytest.raises(AssetUnsupported):
        declaration.encode(pixels, record, media_type="image/gif", **SAY)
    with pytest.raises(ValueError, match="quality"):
        declaration.encode(pixels, record, media_type="image/jpeg", quality=0, **SAY)
    with pytest.raises(AssetUnsupported, match="20000 x 1"):
        declaration.encode(np.zeros((1, 20_000, 3), np.uint8), record, media_type="image/webp", **SAY)


def test_quality_is_obeyed(pixels, record):
    small, large = (
        declaration.encode(pixels, record, media_type="image/jpeg", quality=quality, **SAY).data for quality in (20, 95)
    )
    assert len(small) < len(large)


@pytest.mark.parametrize("mode", ["L", "RGBA", "lossless"])
def test_simple_webp_of_every_kind_becomes_extended(mode, pixels, record):
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    image.convert("RGB" if mode == "lossless" else mode).save(out, "WEBP", lossless=mode == "lossless")
    before = Asset.from_bytes(out.getvalue())
    after = declaration.write(before, record, **SAY)
    assert opened(after).mode == opened(before).mode
    assert np.array_equal(np.asarray(opened(after)), np.asarray(opened(before)))
    assert len(after.data) % 2 == 0
    assert int.from_bytes(after.data[4:8], "little") == len(after.data) - 8


def test_an_avif_image_sequence_is_refused(pixels, record):
    out = io.BytesIO()
    frames = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    frames[0].save(out, "AVIF", save_all=True, append_images=frames[1:])
    with pytest.raises(AssetUnsupported, match="sequence"):
        declaration.write(Asset.from_bytes(out.getvalue()), record, **SAY)
