"""Every mark of the registry: what it declares, where, and what looks like it and is not."""

from __future__ import annotations

import json

import piexif
import pytest

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import DeclarationEvidence, Examiner, Forgeability, Layer, Outcome, StatusEvidence
from provenance.metadata import declaration
from provenance.metadata.fields import read_fields
from provenance.metadata.mark_registry import REGISTRY
from provenance.metadata.marks import MarksExaminer
from provenance.status_codes import MARKS_ABSENT, MARKS_CAMERA, MARKS_PRESENT
from tests.provenance.metadata.marked import (
    A1111,
    COMFY_PROMPT,
    TRAINED,
    codes,
    found,
    jpeg_with,
    png_with,
    saved,
    user_comment,
    xmp_with,
)

COMPOSITE = str(DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)
FORGE = (
    "a cat\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 1, Size: 896x1152, "
    "Model hash: bea01d51bd, Model: sdxl, Version: f2.0.1v1.10.1-previous-659-gc055f2d4, Module 1: ae"
)
SD_NEXT = (
    "a cat\nNegative prompt: dog\nSteps: 20, Size: 1024x1024, Sampler: Euler a, Seed: 1, CFG scale: 6, CFG true: 6, "
    "App: SD.Next, Version: 8f5d1b2, Pipeline: StableDiffusionXLPipeline, Operations: txt2img, Model: sd_xl_base_1.0"
)
COMFY_WORKFLOW = json.dumps({"nodes": [{"id": 1}], "links": []})


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


MARKED = [
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
    (png_with(parameters=FORGE), (TRAINED, "sdxl / f2.0.1v1.10.1-previous-659-gc055f2d4", "PNG:parameters")),
    (png_with(parameters=SD_NEXT), (TRAINED, "sd_xl_base_1.0 / 8f5d1b2", "PNG:parameters")),
    (png_with(extras=A1111), (TRAINED, "sd15 / v1.10", "PNG:extras")),
    (saved("GIF", comment=A1111.encode()), (TRAINED, "sd15 / v1.10", "GIF:Comment")),
    (saved("JPEG", comment=A1111.encode()), (TRAINED, "sd15 / v1.10", "JPEG:COM")),
    *(
        (saved(name, exif=user_comment(code + A1111.encode(encoding))), (TRAINED, "sd15 / v1.10", "EXIF:UserComment"))
        for name in ("JPEG", "WEBP", "AVIF", "PNG")
        for code, encoding in (
            (b"UNICODE\x00", "utf-16-be"),
            (b"UNICODE\x00", "utf-16-le"),
            (b"UNICODE\x00", "utf-16"),
            (b"ASCII\x00\x00\x00", "ascii"),
            (bytes(8), "utf-8"),
            (b"", "utf-8"),
        )
    ),
    (png_with(prompt=COMFY_PROMPT), (TRAINED, "ComfyUI", "PNG:prompt")),
    (png_with(workflow=COMFY_WORKFLOW), (TRAINED, "ComfyUI", "PNG:workflow")),
    (jpeg_with({piexif.ImageIFD.Model: b"prompt:" + COMFY_PROMPT.encode()}), (TRAINED, "ComfyUI", "EXIF:Model")),
    (jpeg_with({piexif.ImageIFD.Make: b"workflow:" + COMFY_WORKFLOW.encode()}), (TRAINED, "ComfyUI", "EXIF:Make")),
    (png_with(invokeai_metadata='{"app_version": "5.1"}'), (TRAINED, "InvokeAI 5.1", "PNG:invokeai_metadata")),
    (png_with(invokeai_graph='{"nodes": {}}'), (TRAINED, "InvokeAI", "PNG:invokeai_graph")),
    (png_with(invokeai_workflow='{"nodes": []}'), (TRAINED, "InvokeAI", "PNG:invokeai_workflow")),
    (
        png_with(**{"sd-metadata": '{"model": "stable diffusion", "app_id": "invoke-ai/InvokeAI", "app_version": "2.3.5"}'}),
        (TRAINED, "InvokeAI 2.3.5", "PNG:sd-metadata"),
    ),
    (png_with(Dream='"a cat" -s 50 -S 1 -W 512 -H 512 -C 7.5 -A k_lms'), (TRAINED, "InvokeAI", "PNG:Dream")),
    (
        jpeg_with(
            exif={piexif.ExifIFD.UserComment: b"UNICODE\x00" + '{"sui_image_params": {"model": "m"}}'.encode("utf-16-be")}
        ),
        (TRAINED, "SwarmUI / m", "EXIF:UserComment"),
    ),
    (
        jpeg_with(exif={piexif.ExifIFD.UserComment: b'{"Prompt": "x", "Version": "Fooocus v2.5.5"}'}),
        (TRAINED, "Fooocus v2.5.5", "EXIF:UserComment"),
    ),
    (png_with(fooocus_scheme="a1111"), (TRAINED, "Fooocus", "PNG:fooocus_scheme")),
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
        saved("WEBP", exif=piexif.dump({"0th": {piexif.ImageIFD.Software: b"NovelAI Diffusion V4.5 4BDE2A90"}})),
        (TRAINED, "NovelAI Diffusion V4.5 4BDE2A90", "EXIF:Software"),
    ),
    (
        saved("WEBP", exif=user_comment(b'ASCII\x00\x00\x00{"prompt": "x", "signed_hash": "abc"}')),
        (TRAINED, "NovelAI", "EXIF:UserComment"),
    ),
    (
        jpeg_with({piexif.ImageIFD.ImageDescription: b"a cat --v 7 Job ID: 0f8fad5b-d9cb-469f-a165-70867728950e"}),
        (TRAINED, "Midjourney", "EXIF:ImageDescription"),
    ),
    (
        jpeg_with({piexif.ImageIFD.Software: b"AI generated;img2img;flux;KV-Edit"}),
        (TRAINED, "flux / KV-Edit", "EXIF:Software"),
    ),
    (
        xmp_with(elements="<p:Credit>Made with Google AI</p:Credit>", spaces='xmlns:p="http://ns.adobe.com/photoshop/1.0/"'),
        (TRAINED, "Google AI", "XMP:photoshop:Credit"),
    ),
    (
        jpeg_with(exif={piexif.ExifIFD.UserComment: b'AIGC{"Label":"1","ContentProducer":"acme"}'}),
        (TRAINED, "AIGC label confirmed, producer acme", "EXIF:UserComment"),
    ),
    (
        png_with(Description="a cat --ar 1:1 Job ID: 0f8fad5b-d9cb-469f-a165-70867728950e"),
        (TRAINED, "Midjourney", "PNG:Description"),
    ),
    (
        xmp_with(
            elements='<d:description><rdf:Alt><rdf:li xml:lang="x-default">a cat --v 7 '
            "Job ID: 0f8fad5b-d9cb-469f-a165-70867728950e</rdf:li></rdf:Alt></d:description>",
            spaces='xmlns:d="http://purl.org/dc/elements/1.1/"',
        ),
        (TRAINED, "Midjourney", "XMP:dc:description"),
    ),
    (jpeg_with({piexif.ImageIFD.Software: b"AI generated;txt2img;flux"}), (TRAINED, "flux", "EXIF:Software")),
    (jpeg_with({piexif.ImageIFD.Make: b"Black Forest Labs"}), (TRAINED, "Black Forest Labs FLUX", "EXIF:Make")),
    (
        xmp_with(elements="<p:Credit>Edited with Google AI</p:Credit>", spaces='xmlns:p="http://ns.adobe.com/photoshop/1.0/"'),
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
]


@pytest.mark.parametrize(("asset", "expected"), MARKED, ids=lambda value: value[2] if isinstance(value, tuple) else "")
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


REPORTED = [
    ({piexif.ImageIFD.Make: b"Ideogram AI"}, "Ideogram AI"),
    ({piexif.ImageIFD.Software: b"reve.com"}, "reve.com"),
    ({piexif.ImageIFD.Software: b"Aphrodite AI"}, "Aphrodite AI"),
    ({piexif.ImageIFD.Make: b"Aphrodite AI"}, "Aphrodite AI"),
    ({piexif.ImageIFD.ImageDescription: b"Signature: " + b"A" * 64}, "xAI Grok"),
]


@pytest.mark.parametrize(("zeroth", "generator"), REPORTED)
def test_a_mark_only_reported_names_the_generator_and_implies_nothing(zeroth, generator):
    ((source, named, _),) = found(jpeg_with(zeroth))
    assert (source, named) == (None, generator)


@pytest.mark.parametrize(
    ("key", "value", "generator"),
    [
        ("invokeai_metadata", '{"app_version": "7.0"}', "InvokeAI 7.0"),
        ("prompt", COMFY_PROMPT, "ComfyUI"),
        ("AIGC", '{"Label": "1", "ContentProducer": "acme"}', "AIGC label confirmed, producer acme"),
    ],
)
def test_a_film_says_the_same_under_the_same_keys(key, value, generator):
    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return (8 + len(body)).to_bytes(4, "big") + kind + body

    keys = box(b"keys", bytes(4), (1).to_bytes(4, "big"), box(b"mdta", key.encode()))
    item = box((1).to_bytes(4, "big"), box(b"data", (1).to_bytes(4, "big"), bytes(4), value.encode()))
    handler = box(b"hdlr", bytes(8), b"mdta", bytes(13))
    meta = box(b"meta", bytes(4), handler, keys, box(b"ilst", item))
    film = box(b"ftyp", b"isom", bytes(4), b"isom") + box(b"moov", box(b"udta", meta))
    assert [(d, g) for d, g, _ in found(Asset.from_bytes(film))] == [(TRAINED, generator)]


def test_other_marks_only_reported():
    asset = xmp_with("x1:CreatorTool='reve.com'", spaces='xmlns:x1="http://ns.adobe.com/xap/1.0/"')
    assert found(asset) == [(None, "reve.com", "XMP:xmp:CreatorTool")]
    assert found(png_with(**{"hf-job-id": "6650f0"})) == [(None, "Hugging Face Jobs", "PNG:hf-job-id")]


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


def test_a_camera_is_told_and_declares_nothing():
    zeroth = {piexif.ImageIFD.Make: b"Acme", piexif.ImageIFD.Model: b"One\xe2\x80\xae"}
    evidence = MarksExaminer().examine(jpeg_with(zeroth, {piexif.ExifIFD.FNumber: (28, 10)}))
    assert evidence == [
        StatusEvidence("marks", MARKS_ABSENT, Outcome.INFORMATIONAL),
        StatusEvidence("marks", MARKS_CAMERA, Outcome.INFORMATIONAL, "EXIF", "Acme One\ufffd"),
    ]


@pytest.mark.parametrize("media_type", declaration.MEDIA_TYPES)
def test_our_own_declaration_is_read_back(media_type, pixels, record):
    asset = declaration.encode(pixels, record, media_type=media_type, instance_id="xmp:iid:1", software="assay 0.1.0")
    read = found(asset)
    assert (TRAINED, "acme/model-1 1.2", "XMP:Iptc4xmpExt:DigitalSourceType") in read
    assert (TRAINED, "acme/model-1 / assay 0.1.0", "EXIF:Software") in read
    assert (TRAINED, "acme/model-1 / assay 0.1.0", "EXIF:UserComment") in read
    assert codes(asset) == [MARKS_PRESENT]


def test_every_row_of_the_registry_is_met_by_a_picture_of_its_own():
    creator_tool = xmp_with("x1:CreatorTool='reve.com'", spaces='xmlns:x1="http://ns.adobe.com/xap/1.0/"')
    pictures = [*(asset for asset, _ in MARKED), *(jpeg_with(zeroth) for zeroth, _ in REPORTED)]
    pictures += [creator_tool, png_with(**{"hf-job-id": "7"})]
    fields = [field for asset in pictures for field in read_fields(asset).fields]
    silent = [mark for mark in REGISTRY if not any(mark.applies(field) and mark.reader(field.text) for field in fields)]
    assert silent == []
