"""What a generated image's manifest says, as the definition the C2PA SDK takes.

Pure: a record in, a JSON-shaped definition and its ingredients out. Signing it is `provenance.signing`.

What a generator was given besides pictures to edit (its model, the prompts, control pictures) are `inputTo` ingredients, each
prompt in an embedded-data assertion of its own: nowhere else in the manifest, so that one redaction takes it out.

Source: C2PA Technical Specification 2.4, 18.12 "Embedded data", 18.15 "Actions", 18.16 "Ingredient", 18.28 "AI disclosure";
CAWG Training and Data Mining Assertion 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from provenance.asset import Asset
from provenance.evidence import UsageWish
from provenance.generation import GenerationRecord, Scalar
from provenance.prompt_policy import ALGORITHM

SPECIFICATION_VERSION: Final = "2.4.0"
GENERATION_LABEL: Final = "org.assay.generation"
"""Our own assertion: everything in the record that has no field in the standard."""

TRAINING_MINING_LABEL: Final = "cawg.training-mining"
PROMPT_TYPE: Final = "c2pa.types.generator.prompt"
MODEL_TYPE: Final = "c2pa.types.model"


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
    """`parentOf` for what was opened, `componentOf` for anything placed into it, `inputTo` for what only steered."""
    asset: Asset


@dataclass(frozen=True, slots=True)
class ManifestDefinition:
    """What is claimed; JSON-shaped, with the ingredients' bytes beside it."""

    definition: Mapping[str, Any]
    ingredients: tuple[Ingredient, ...]
    """Those that are assets."""
    resources: Mapping[str, bytes] = field(default_factory=dict)
    """What ingredients in the definition refer to by identifier: the texts of prompts."""
    update: bool = False
    """Whether it is an update manifest: it leaves the asset as it is, and binds it by the manifest of its only ingredient."""


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
    ingredients, inputs = _ingredients(record), _inputs(record)
    labels = [i.label for i in ingredients if i.relationship == "inputTo"] + [described["label"] for described in inputs]
    assertions = [
        {"label": "c2pa.actions.v2", "created": True, "data": _actions(record, ingredients, labels)},
        {"label": "c2pa.ai-disclosure", "created": True, "data": _disclosure(record)},
        {"label": GENERATION_LABEL, "created": True, "data": _generation(record, instance_id)},
    ]
    if record.wishes:
        assertions.append({"label": TRAINING_MINING_LABEL, "created": True, "data": training_mining(record.wishes)})
    definition = {
        "claim_version": 2,
        "claim_generator_info": [
            {"name": software.name, "version": software.version, "specVersion": SPECIFICATION_VERSION},
        ],
        "format": media_type,
        "instance_id": instance_id,
        "ingredients": inputs,
        "assertions": assertions,
    }
    return ManifestDefinition(definition, ingredients, {_identifier(name): text.encode() for name, text in _told(record)})


def training_mining(wishes: tuple[UsageWish, ...]) -> dict[str, Any]:
    """Content of a `cawg.training-mining` assertion."""
    return {"entries": {w.use.value: _present(use=w.permission.value, constraint_info=w.constraint or None) for w in wishes}}


def _ingredients(record: GenerationRecord) -> tuple[Ingredient, ...]:
    relationships = ("parentOf", *("componentOf" for _ in record.parents[1:]))
    parents = (
        Ingredient(f"parent-{index}", relationship, asset)
        for index, (relationship, asset) in enumerate(zip(relationships, record.parents, strict=False))
    )
    return (*parents, *(Ingredient(f"input-{index}", "inputTo", asset) for index, asset in enumerate(record.inputs)))


def _inputs(record: GenerationRecord) -> list[dict[str, Any]]:
    """Inputs that are no assets. The weights themselves are not embedded: model and adapters are named."""
    models = [(record.model, record.model_version), *((adapter.name, None) for adapter in record.adapters)]
    given = {"relationship": "inputTo"}
    named: list[dict[str, Any]] = [
        {**given, "label": f"model-{index}", "title": name, "data_types": [_present(type=MODEL_TYPE, version=version)]}
        for index, (name, version) in enumerate(models)
    ]
    prompt = {**given, "format": "text/plain", "data_types": [{"type": PROMPT_TYPE}]}
    if record.withheld is not None:
        named.append({**prompt, "label": "prompt", "title": "prompt", "description": "not disclosed"})
    for name, _ in _told(record):
        data = {"format": "text/plain", "identifier": _identifier(name)}
        named.append({**prompt, "label": f"prompt-{name}", "title": name, "data": data})
    return named


def _told(record: GenerationRecord) -> list[tuple[str, str]]:
    return [(name, text) for name, text in record.prompts.items() if text]


def _identifier(name: str) -> str:
    return f"prompt-{name.encode().hex()}.txt"  # a name may hold anything, and the SDK takes slashes for folders


def _actions(record: GenerationRecord, ingredients: tuple[Ingredient, ...], inputs: list[str]) -> dict[str, Any]:
    when = _when(record)
    agent = _present(name=record.model, version=record.model_version) | (
        {"org.assay.weights_sha256": record.model_sha256} if record.model_sha256 else {}
    )
    made = {
        "when": when,
        "softwareAgent": agent,
        "digitalSourceType": record.digital_source_type.value,
        "description": record.mode.value,
        "parameters": {"ingredientIds": inputs},
    }
    brought = [
        {
            "action": "c2pa.opened" if ingredient.relationship == "parentOf" else "c2pa.placed",
            "when": when,
            "parameters": {"ingredientIds": [ingredient.label]},
        }
        for ingredient in ingredients
        if ingredient.relationship != "inputTo"
    ]
    # Not `c2pa.enhanced` for an upscaler: that is for changes without editorial effect, and a generator invents detail.
    action = "c2pa.edited" if brought else "c2pa.created"
    return {"actions": [*brought, {"action": action, **made}], "allActionsIncluded": True}


def _disclosure(record: GenerationRecord) -> dict[str, Any]:
    return {
        "modelType": MODEL_TYPE,
        "modelName": record.model,
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }


def _generation(record: GenerationRecord, instance_id: str) -> dict[str, Any]:
    """Without the texts of prompts: those are ingredients.

    The first six are California's latent disclosure: provider, system and version, time, unique id, created or altered.
    """
    withheld = record.withheld
    return {
        "provider": record.provider,
        "model": record.model,
        "time": _when(record),
        "id": instance_id,
        "content": "altered" if record.parents else "created",
        "mode": record.mode.value,
        "parameters": {name: _exact(value) for name, value in record.parameters.items() if name not in record.prompts},
        "adapters": [_present(**asdict(adapter)) for adapter in record.adapters],
        "safety": _present(**asdict(record.safety)),
        **_present(
            modelVersion=record.model_version,
            modelSha256=record.model_sha256,
            promptCommitment=None
            if withheld is None or not withheld.commitments
            else {"alg": ALGORITHM, "nonce": withheld.nonce.hex(), **withheld.commitments},
            seed=None if record.seed is None else str(record.seed),
            scheduler=record.scheduler,
        ),
    }


def _when(record: GenerationRecord) -> str:
    return record.created_at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _exact(value: Scalar) -> Scalar:
    """Large integers as text, as seeds always are: JSON readers keep 53 bits of a number, and the SDK refuses those past 63."""
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value


def _present(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
