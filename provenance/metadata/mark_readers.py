"""Small readers, one a family of marks: a field in, what it declares out, or None.

Readers look at one text and never raise on it. Which fields each is given is the registry's business (`marks`).
A mark that names a generator and nothing else implies `trainedAlgorithmicMedia`; a *reported* one, not verified on a file the
generator made, names it and implies nothing.

Sources: named at each reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from provenance.digital_source_type import DigitalSourceType
from provenance.metadata.parameters import read_parameters

_MAX_JSON_CHARACTERS: Final = 4 * 2**20
_TRAINED: Final = str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
_COMPOSITE: Final = str(DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MIDJOURNEY_JOB: Final = re.compile(r"Job ID: ?" + _UUID.pattern)
_AIGC_MEANING: Final = {"1": "confirmed", "2": "possible", "3": "suspected"}


class Declared(NamedTuple):
    """What a mark says."""

    digital_source_type: str | None
    generator: str | None


def parameters(text: str) -> Declared | None:
    """AUTOMATIC1111, Forge, SD.Next and ourselves. Source: stable-diffusion-webui `modules/infotext_utils.py`."""
    pairs = read_parameters(text)
    if pairs is None:
        return None
    named = [part for part in (pairs.get("Model"), pairs.get("Version")) if part]
    return Declared(_TRAINED, " / ".join(named) or "Stable Diffusion web UI")


def comfyui(text: str) -> Declared | None:
    """A ComfyUI graph; EXIF tags carry "prompt:" or "workflow:" before it. Source: ComfyUI `nodes.py`, `nodes_images.py`."""
    graph = json_object(text.removeprefix("prompt:").removeprefix("workflow:"))
    if graph is None:
        return None
    is_prompt = any(isinstance(node, dict) and "class_type" in node for node in graph.values())
    is_workflow = isinstance(graph.get("nodes"), list) and "links" in graph
    return Declared(_TRAINED, "ComfyUI") if is_prompt or is_workflow else None


def invokeai(text: str) -> Declared | None:
    """InvokeAI under its own keywords. Source: InvokeAI images router."""
    metadata = json_object(text) or {}
    version = metadata.get("app_version")
    return Declared(_TRAINED, f"InvokeAI {version}" if isinstance(version, str) else "InvokeAI")


def swarmui(text: str) -> Declared | None:
    """SwarmUI's JSON. Source: SwarmUI "Image Metadata Format"."""
    metadata = json_object(text)
    image = metadata.get("sui_image_params") if metadata else None
    if not isinstance(image, dict):
        return None
    model = image.get("model")
    return Declared(_TRAINED, f"SwarmUI / {model}" if isinstance(model, str) else "SwarmUI")


def fooocus(text: str) -> Declared | None:
    """Fooocus' own JSON scheme. Source: Fooocus `modules/meta_parser.py`."""
    metadata = json_object(text)
    if metadata is None:
        return None
    version = metadata.get("version", metadata.get("Version"))
    return Declared(_TRAINED, version) if isinstance(version, str) and version.startswith("Fooocus") else None


def fooocus_scheme(text: str) -> Declared | None:
    """The keyword that says which scheme `parameters` follows."""
    return Declared(_TRAINED, "Fooocus") if text in ("fooocus", "a1111") else None


def software(text: str) -> Declared | None:
    """Software tags that name a generator. Sources: FLUX `src/flux/cli.py`; Fooocus; NovelAI; Reve and Aphrodite reported."""
    if text.lower().startswith("ai generated"):
        # FLUX: "AI generated;txt2img;flux". Ours: "AI generated;text-to-image;<model>;<software>".
        return Declared(_TRAINED, " / ".join(text.split(";")[2:]) or "AI generated")
    if text.startswith("Fooocus v"):
        return Declared(_TRAINED, text)
    if text == "NovelAI" or text.startswith("NovelAI Diffusion "):  # in WebP, Software holds what PNG has under Source
        return Declared(_TRAINED, text)
    return Declared(None, text) if text in ("reve.com", "Aphrodite AI") else None


def make(text: str) -> Declared | None:
    """Make tags of generators; a camera's says nothing. Sources: FLUX `src/flux/util.py`; Ideogram and Aphrodite reported."""
    if text == "Black Forest Labs":
        return Declared(_TRAINED, "Black Forest Labs FLUX")
    return Declared(None, text) if text in ("Ideogram AI", "Aphrodite AI") else None


def novelai_source(text: str) -> Declared | None:
    """NovelAI's model name. Source: NovelAI `nai_meta.py`."""
    return Declared(_TRAINED, text) if text.startswith("NovelAI") else None


def novelai_comment(text: str) -> Declared | None:
    """NovelAI's JSON with the signature it makes over pixels and parameters (not checked here)."""
    metadata = json_object(text)
    return Declared(_TRAINED, "NovelAI") if metadata and {"signed_hash", "prompt"} <= metadata.keys() else None


def novelai_hidden(text: str) -> Declared | None:
    """What NovelAI hides in alpha: its text fields as one JSON object. Source: NovelAI `nai_meta_writer.py`."""
    metadata = json_object(text)
    if metadata is None or metadata.get("Software") != "NovelAI":
        return None
    source = metadata.get("Source")
    return Declared(_TRAINED, source if isinstance(source, str) and source else "NovelAI")


def midjourney(text: str) -> Declared | None:
    """Midjourney's description: prompt, flags and a job id."""
    return Declared(_TRAINED, "Midjourney") if _MIDJOURNEY_JOB.search(text) else None


def google_credit(text: str) -> Declared | None:
    """Google's XMP credit line."""
    return {
        "Made with Google AI": Declared(_TRAINED, "Google AI"),
        "Edited with Google AI": Declared(_COMPOSITE, "Google AI"),
    }.get(text)


def aigc(text: str) -> Declared | None:
    """The label of GB 45438-2025: `Label` 1 is generated, 2 possibly, 3 suspected; only 1 is a declaration.

    Source: GB 45438-2025 and TC260-PG-20258A.
    """
    label = json_object(text.strip().removeprefix("AIGC"))
    if label is None:
        return None
    nested = label.get("AIGC", label)
    if isinstance(nested, str):
        nested = json_object(nested)
    if not isinstance(nested, dict) or "Label" not in nested:
        return None
    value = str(nested["Label"]).strip()
    producer = nested.get("ContentProducer")
    named = f"AIGC label {_AIGC_MEANING.get(value, 'of unknown value')}"
    if isinstance(producer, str) and producer:
        named += f", producer {producer}"
    return Declared(_TRAINED if value == "1" else None, named)


def hugging_face_job(text: str) -> Declared | None:
    """A job id of Hugging Face, reported."""
    return Declared(None, "Hugging Face Jobs") if text else None


def grok_signature(text: str) -> Declared | None:
    """Description tag of Grok (xAI), reported; there is no public key to check it with."""
    return Declared(None, "xAI Grok") if re.match(r"Signature: [A-Za-z0-9+/=]{64,}", text) else None


def json_object(text: str) -> Mapping[str, Any] | None:
    """The JSON object `text` is, or None; never raises on it."""
    stripped = text.strip()
    if not stripped.startswith("{") or len(stripped) > _MAX_JSON_CHARACTERS:
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
