"""What a generated image's manifest says, as the definition the C2PA SDK takes.

Pure: a record in, a JSON-shaped definition and its ingredients out. Signing it is `provenance.signing`.

Source: C2PA Technical Specification 2.3, "Actions", "Ingredient", "AI/ML disclosure".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from provenance.asset import Asset
from provenance.generation import GenerationMode, GenerationRecord, Scalar

SPECIFICATION_VERSION: Final = "2.3.0"
GENERATION_LABEL: Final = "org.assay.generation"
"""Our own assertion: everything in the record that has no field in the standard."""

_EDIT_ACTIONS: Final = {
    GenerationMode.TEXT_TO_IMAGE: "c2pa.edited",
    GenerationMode.IMAGE_TO_IMAGE: "c2pa.edited",
    GenerationMode.INPAINTING: "c2pa.edited",
    GenerationMode.UPSCALING: "c2pa.enhanced",
}


@dataclass(frozen=True, slots=True)
class Software:
    """The program that makes the claim."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Ingredient:
    """An asset the new one was made from."""

    label: str
    """Name by which actions refer to it, unique in its manifest."""
    relationship: str
    """`parentOf` for what was opened, `componentOf` for anything placed into it."""
    asset: Asset


@dataclass(frozen=True, slots=True)
class ManifestDefinition:
    """What is claimed; JSON-shaped, with the ingredients' bytes beside it."""

    definition: Mapping[str, Any]
    ingredients: tuple[Ingredient, ...]


def manifest_for(record: GenerationRecord, *, media_type: str, instance_id: str, software: Software) -> ManifestDefinition:
    """The manifest of an image that `record` describes.

    Without a parent the first action is `c2pa.created`. With one it is `c2pa.opened`, which carries no digital source type,
    then any further parents placed, then the generator's edit.

    Args:
        record: What made the image.
        media_type: Media type of the asset to be signed.
        instance_id: XMP instance id of the asset, such as "xmp.iid:…".
        software: The program that makes the claim.
    """
    ingredients = _ingredients(record)
    assertions = [
        {"label": "c2pa.actions.v2", "created": True, "data": _actions(record, ingredients)},
        {"label": "c2pa.ai-disclosure", "created": True, "data": _disclosure(record)},
        {"label": GENERATION_LABEL, "created": True, "data": _generation(record)},
    ]
    definition = {
        "claim_version": 2,
        "claim_generator_info": [
            {"name": software.name, "version": software.version, "specVersion": SPECIFICATION_VERSION},
        ],
        "format": media_type,
        "instance_id": instance_id,
        "assertions": assertions,
    }
    return ManifestDefinition(definition, ingredients)


def _ingredients(record: GenerationRecord) -> tuple[Ingredient, ...]:
    relationships = ("parentOf", *("componentOf" for _ in record.parents[1:]))
    return tuple(
        Ingredient(f"parent-{index}", relationship, asset)
        for index, (relationship, asset) in enumerate(zip(relationships, record.parents, strict=False))
    )


def _actions(record: GenerationRecord, ingredients: tuple[Ingredient, ...]) -> dict[str, Any]:
    when = record.created_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    made = {
        "when": when,
        "softwareAgent": _present(name=record.model, version=record.model_version),
        "digitalSourceType": record.digital_source_type.value,
        "description": record.mode.value,
    }
    if not ingredients:
        return {"actions": [{"action": "c2pa.created", **made}], "allActionsIncluded": True}
    brought = [
        {
            "action": "c2pa.opened" if ingredient.relationship == "parentOf" else "c2pa.placed",
            "when": when,
            "parameters": {"ingredientIds": [ingredient.label]},
        }
        for ingredient in ingredients
    ]
    return {"actions": [*brought, {"action": _EDIT_ACTIONS[record.mode], **made}], "allActionsIncluded": True}


def _disclosure(record: GenerationRecord) -> dict[str, Any]:
    return {
        "modelType": "c2pa.types.model",
        "modelName": record.model,
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }


def _generation(record: GenerationRecord) -> dict[str, Any]:
    return {
        "provider": record.provider,
        "mode": record.mode.value,
        "parameters": {name: _exact(value) for name, value in record.parameters.items()},
        "adapters": [_present(**asdict(adapter)) for adapter in record.adapters],
        "safety": _present(**asdict(record.safety)),
        **_present(
            modelVersion=record.model_version,
            modelSha256=record.model_sha256,
            prompt=record.prompt,
            negativePrompt=record.negative_prompt,
            seed=None if record.seed is None else str(record.seed),
            scheduler=record.scheduler,
        ),
    }


def _exact(value: Scalar) -> Scalar:
    """Large integers as text, as seeds always are: JSON readers keep 53 bits of a number, and the SDK refuses those past 63."""
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value


def _present(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
