"""Every mark of the registry: what it declares, where, and what looks like it and is not."""

from __future__ import annotations

import io
import json
import zlib

import piexif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import DeclarationEvidence, Examiner, Forgeability, Layer, Outcome, StatusEvidence, declarations
from provenance.metadata import declaration
from provenance.metadata.containers import png
from provenance.metadata.marks import MAX_DECLARATIONS, REGISTRY, MarksExaminer
from provenance.status_codes import MARKS_ABSENT, MARKS_MALFORMED, MARKS_PRESENT

TRAINED = str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
COMPOSITE = str(DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)
A1111 = (
    "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x48, Model: sd15, Version: v1.10"
)
COMFY_PROMPT = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
COMFY_WORKFLOW = json.dumps({"nodes": [{"id": 1}], "links": []})
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def png_with(**text: str) -> Asset:
    info = PngInfo()
    for keyword, value in text.items():
        info.add_itxt(keyword.replace("__", " "), value)
    return saved("PNG", pnginfo=info)


def jpeg_with(zeroth: dict[int, bytes] | None = None, exif: dict[int, bytes] | None = None) -> Asset:
    return saved("JPEG", exif=piexif.dump({"0th": zeroth or {}, "Exif": exif or {}}))


def xmp_with(attributes: str = "", elements: str = "", spaces: str = f'xmlns:x1="{IPTC}"') -> Asset:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return saved("JPEG", xmp=packet.encode())


def saved(name: str, **options: object) -> Asset:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 99, 199)).save(out, name, **options)
    return Asset.from_bytes(out.getvalue())


def found(asset: Asset) -> list[tuple[str | None, str | None, str]]:
    return [(d.digital_source_type, d.generator, d.locator) for d in declarations(MarksExaminer().examine(asset))]


def codes(asset: Asset) -> list[str]:
    return [e.code for e in MarksExaminer().examine(asset) if isinstance(e, StatusEvidence)]


def test_it_is_an_examiner():
    examiner: Examiner = MarksExaminer()
    assert examiner.name == "marks"


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_a_picture_without_marks_says_absent_and_nothing_else(name):
    (status,) = MarksExaminer().examine(saved(name))
    assert status == StatusEvidence("marks", MARKS_ABSENT, Outcome.INFORMATIONAL)


def test_a_mark_is_text_and_says_so():
    evidence = MarksExaminer().examine(png_with(parameters=A1111))
    assert evidence == [
        StatusEvidence("marks", MARKS_PRESENT, Outcome.INFORMATIONAL, explanation="PNG:parameters"),
        DeclarationEvidence(
            "marks",
            Layer.METADATA,
            Forgeability.TEXT,
            digital_source_type=TRAINED,
            generator="sd15 / v1.10",
            locator="PNG:parameters",
        ),
    ]


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        (png_with(parameters=A1111), (TRAINED, "sd15 / v1.10", "PNG:parameters")),
        (png_with(postprocessing="Steps: 1, Sampler: a, Seed: 2"), (TRAINED, "Stable Diffusion web UI", "PNG:postprocessing")),
        (
            jpeg_with(exif={piexif.ExifIFD.UserComment: b"UNICODE\x00" + A1111.encode("utf-16-be")}),
            (TRAINED, "sd15 / v1.10", "EXIF:UserComment"),
        ),
        (
            jpeg_with(exif={piexif.ExifIFD.UserComment: b"UNICODE\x00" + A1111.encode("utf-16-le")}),
            (TRAINED, "sd15 / v1.10", "EXIF:UserComment"),
        ),
        (png_with(prompt=COMFY_PROMPT), (TRAINED, "ComfyUI", "PNG:prompt")),
        (png_with(workflow=COMFY_WORKFLOW), (TRAINED, "ComfyUI", "PNG:workflow")),
        (jpeg_with({piexif.ImageIFD.Model: b"prompt:" + COMFY_PROMPT.encode()}), (TRAINED, "ComfyUI", "EXIF:Model")),
        (jpeg_with({piexif.ImageIFD.Make: b"workflow:" + COMFY_WORKFLOW.encode()}), (TRAINED, "ComfyUI", "EXIF:Make")),
        (png_with(invokeai_metadata='{"app_version": "5.1"}'), (TRAINED, "InvokeAI 5.1", "PNG:invokeai_metadata")),
        (png_with(Dream="a cat -s 50"), (TRAINED, "InvokeAI", "PNG:Dream")),
        (
            png_with(parameters='{"sui_image_params": {"prompt": "x", "model": "sdxl"}}'),
            (TRAINED, "SwarmUI / sdxl", "PNG:parameters"),
        ),
        (png_with(parameters='{"version": "Fooocus v2.5.5", "prompt": "x"}'), (TRAINED, "Fooocus v2.5.5", "PNG:parameters")),
        (png_with(fooocus_scheme="fooocus"), (TRAINED, "Fooocus", "PNG:fooocus_scheme")),
        (jpeg_with({piexif.ImageIFD.Software: b"Fooocus v2.5.5"}), (TRAINED, "Fooocus v2.5.5", "EXIF:Software")),
        (jpeg_with(exif={piexif.ExifIFD.MakerNote: b"fooocus"}), (TRAINED, "Fooocus", "EXIF:MakerNote")),
        (png_with(Software="NovelAI"), (TRAINED, "NovelAI", "PNG:Software")),
        (png_with(Source="NovelAI Diffusion V4 ABC"), (TRAINED, "NovelAI Diffusion V4 ABC", "PNG:Source")),
        (png_with(Comment='{"prompt": "x", "signed_hash": "abc"}'), (TRAINED, "NovelAI", "PNG:Comment")),
        (
            png_with(Description="a cat --ar 1:1 Job ID: 0f8fad5b-d9cb-469f-a165-70867728950e"),
            (TRAINED, "Midjourney", "PNG:Description"),
        ),
        (jpeg_with({piexif.ImageIFD.Software: b"AI generated;txt2img;flux"}), (TRAINED, "flux", "EXIF:Software")),
        (jpeg_with({piexif.ImageIFD.Make: b"Black Forest Labs"}), (TRAINED, "Black Forest Labs FLUX", "EXIF:Make")),
        (
            xmp_with(
                elements="<p:Credit>Edited with Google AI</p:Credit>", spaces='xmlns:p="http://ns.adobe.com/photoshop/1.0/"'
            ),
            (COMPOSITE, "Google AI", "XMP:photoshop:Credit"),
        ),
        (
            png_with(AIGC='{"Label": "1", "ContentProducer": "acme", "ProduceID": "7"}'),
            (TRAINED, "AIGC label confirmed, producer acme", "PNG:AIGC"),
        ),
        (
            jpeg_with(exif={piexif.ExifIFD.UserComment: b'ASCII\x00\x00\x00{"AIGC":{"Label":"1"}}'}),
            (TRAINED, "AIGC label confirmed", "EXIF:UserComment"),
        ),
        (
            xmp_with(
                't:AIGC=\'{"Label":"1"}\'',
                spaces='xmlns:t="http://www.tc260.org.cn/ns/AIGC/1.0/"',
            ),
            (TRAINED, "AIGC label confirmed", "XMP:TC260:AIGC"),
        ),
        (
            xmp_with(
                elements="<t:AIGC>{&quot;Label&quot;:&quot;1&quot;}</t:AIGC>",
                spaces='xmlns:t="http://www.tc260.org.cn/ns/AIGC/1.0/"',
            ),
            (TRAINED, "AIGC label confirmed", "XMP:TC260:AIGC"),
        ),
    ],
    ids=lambda value: value[2] if isinstance(value, tuple) else "",
)
def test_each_mark_declares_what_it_says(asset, expected):
    assert expected in found(asset)
    assert {source for source, _, _ in found(asset)} == {expected[0]}


@pytest.mark.parametrize("label", ["2", "3", "9"])
def test_an_aigc_label_that_only_suspects_declares_no_source_type(label):
    ((source, generator, _),) = found(png_with(AIGC=json.dumps({"Label": label})))
    assert source is None
    assert "AIGC label" in generator


def test_a_bare_aigc_label_in_an_application_segment():
    data = saved("JPEG").data
    body = b'AIGC{"Label":"1"}'
    asset = Asset.from_bytes(data[:2] + b"\xff\xe9" + (len(body) + 2).to_bytes(2, "big") + body + data[2:])
    assert found(asset) == [(TRAINED, "AIGC label confirmed", "JPEG:APP9 AIGC")]


@pytest.mark.parametrize(
    ("zeroth", "generator"),
    [
        ({piexif.ImageIFD.Make: b"Ideogram AI"}, "Ideogram AI"),
        ({piexif.ImageIFD.Software: b"reve.com"}, "reve.com"),
        ({piexif.ImageIFD.ImageDescription: b"Signature: " + b"A" * 64}, "xAI Grok"),
    ],
)
def test_a_mark_only_reported_names_the_generator_and_implies_nothing(zeroth, generator):
    ((source, named, _),) = found(jpeg_with(zeroth))
    assert (source, named) == (None, generator)


@pytest.mark.parametrize(
    "term", ["digitalCapture", "trainedAlgorithmicMedia", "humanEdits", "compositeWithTrainedAlgorithmicMedia"]
)
@pytest.mark.parametrize("as_attribute", [True, False, "resource"])
def test_any_digital_source_type_is_declared_as_it_stands(term, as_attribute):
    uri = f"http://cv.iptc.org/newscodes/digitalsourcetype/{term}"
    if as_attribute == "resource":
        asset = xmp_with(elements=f'<x1:DigitalSourceType rdf:resource="{uri}"/>')
    elif as_attribute:
        asset = xmp_with(f'x1:DigitalSourceType="{uri}"')
    else:
        asset = xmp_with(elements=f"<x1:DigitalSourceType>\n {uri}</x1:DigitalSourceType>")
    assert found(asset) == [(uri, None, "XMP:Iptc4xmpExt:DigitalSourceType")]


def test_two_packets_that_contradict_each_other_are_both_shown():
    first = xmp_with('x1:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"').data
    second = xmp_with(f'x1:DigitalSourceType="{TRAINED}"').data
    start = second.index(b"\xff\xe1")
    segment = second[start : start + 2 + int.from_bytes(second[start + 2 : start + 4], "big")]
    both = Asset.from_bytes(first[:2] + segment + first[2:])
    assert {source.rsplit("/", 1)[1] for source, _, _ in found(both)} == {"digitalCapture", "trainedAlgorithmicMedia"}


def test_the_ai_system_named_in_iptc_is_the_generator():
    elements = "<x1:AISystemUsed>Acme</x1:AISystemUsed><x1:AISystemVersionUsed>2</x1:AISystemVersionUsed>"
    assert found(xmp_with(f'x1:DigitalSourceType="{TRAINED}"', elements)) == [
        (TRAINED, "Acme 2", "XMP:Iptc4xmpExt:DigitalSourceType")
    ]
    assert found(xmp_with(elements=elements)) == [(TRAINED, "Acme 2", "XMP:Iptc4xmpExt:AISystemUsed")]


@pytest.mark.parametrize(
    "asset",
    [
        jpeg_with(
            {piexif.ImageIFD.Make: b"Canon", piexif.ImageIFD.Model: b"EOS R5", piexif.ImageIFD.Software: b"Firmware 1.0"}
        ),
        jpeg_with(exif={piexif.ExifIFD.UserComment: b"ASCII\x00\x00\x00My steps: many. Size: small"}),
        jpeg_with(exif={piexif.ExifIFD.UserComment: bytes(264)}),
        jpeg_with(exif={piexif.ExifIFD.MakerNote: b"\x00\x01\x02Nikon" * 40}),
        png_with(parameters="a list of parameters"),
        png_with(prompt='{"question": "Name?"}'),
        png_with(workflow="[" * 100_000),
        png_with(Description="Holiday, Job ID: none"),
        png_with(Comment='{"prompt": "x"}'),
        png_with(Software="Adobe Photoshop 25.0"),
        xmp_with(elements="<x1:PersonInImage>Somebody</x1:PersonInImage>"),
        xmp_with('x1:DigitalSourceType="http://x"', spaces='xmlns:x1="http://example.org/not-iptc/"'),
    ],
)
def test_what_only_looks_like_a_mark_is_none(asset):
    assert codes(asset) == [MARKS_ABSENT]
    assert found(asset) == []


@pytest.mark.parametrize("media_type", declaration.MEDIA_TYPES)
def test_our_own_declaration_is_read_back(media_type, pixels, record):
    asset = declaration.encode(pixels, record, media_type=media_type, instance_id="xmp:iid:1", software="assay 0.1.0")
    read = found(asset)
    assert (TRAINED, "acme/model-1 1.2", "XMP:Iptc4xmpExt:DigitalSourceType") in read
    assert (TRAINED, "acme/model-1 / assay 0.1.0", "EXIF:Software") in read
    assert (TRAINED, "acme/model-1 / assay 0.1.0", "EXIF:UserComment") in read
    assert codes(asset) == [MARKS_PRESENT]


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


def test_the_registry_names_its_rows():
    assert all(mark.name and (mark.fields is None or mark.fields) for mark in REGISTRY)
