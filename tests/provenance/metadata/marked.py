"""Pictures with metadata that a test writes, and what the examiner of marks makes of them."""

from __future__ import annotations

import io
import json

import piexif
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import StatusEvidence, declarations
from provenance.metadata.marks import MarksExaminer

TRAINED = str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
A1111 = (
    "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x48, Model: sd15, Version: v1.10"
)
COMFY_PROMPT = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def png_with(**text: str) -> Asset:
    info = PngInfo()
    for keyword, value in text.items():
        info.add_itxt(keyword.replace("__", " "), value)
    return saved("PNG", pnginfo=info)


def jpeg_with(zeroth: dict[int, bytes] | None = None, exif: dict[int, bytes] | None = None) -> Asset:
    return saved("JPEG", exif=piexif.dump({"0th": zeroth or {}, "Exif": exif or {}}))


def user_comment(value: bytes) -> bytes:
    encoded: bytes = piexif.dump({"0th": {}, "Exif": {piexif.ExifIFD.UserComment: value}})
    return encoded


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
