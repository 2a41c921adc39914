"""What a manifest must say and be, as checks over crJSON that name every requirement and can each fail.

Most hold for every manifest: the asset rubric of the C2PA conformance programme, in our words and code, and in places stricter.
Those that start with `generator.`, `disclosure.` or `rights.` hold for what a generator made or changed. Whom to trust is no
requirement here. A watermark bound to the manifest is reported as pending until a manifest says something of one. Pure: a
parsed document in, results out.

Source: C2PA conformance programme 0.2, asset rubric for specification 2.4; C2PA Technical Specification 2.4; CAWG
Training and Data Mining Assertion 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from provenance.conformance import requirements as checks
from provenance.conformance.crjson import Manifest, active_manifest
from provenance.conformance.registered_labels import ACTIONS, HARD_BINDINGS, SIGNATURE_ALGORITHMS, WITHDRAWN_ACTIONS
from provenance.conformance.requirements import MODEL, PROMPT, SPECIFICATION, Check, Standing
from provenance.status_codes import CLAIM_SIGNATURE_VALIDATED

_UNREADABLE: Final = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Result:
    """One requirement, and what was found of it."""

    id: str
    requirement: str
    standing: Standing
    found: tuple[str, ...] = ()
    """What is wrong, if it failed."""


def evaluate(document: Mapping[str, Any]) -> tuple[Result, ...]:
    """Every requirement against the active manifest of a crJSON document; one that cannot be read meets none."""
    try:
        manifest = active_manifest(document)
    except _UNREADABLE as err:
        return tuple(Result(name, text, Standing.FAILED, (str(err),)) for name, (text, _) in REQUIREMENTS.items())
    return tuple(_result(name, text, check, manifest) for name, (text, check) in REQUIREMENTS.items())


def _result(name: str, text: str, check: Check, manifest: Manifest) -> Result:
    try:
        found = check(manifest)
        wrong = () if isinstance(found, Standing) else tuple(found)
    except _UNREADABLE as err:
        return Result(name, text, Standing.FAILED, (f"unreadable: {type(err).__name__}: {err}",))
    if isinstance(found, Standing):
        return Result(name, text, found)
    return Result(name, text, Standing.FAILED if wrong else Standing.PASSED, wrong)


REQUIREMENTS: Final[Mapping[str, tuple[str, Check]]] = {
    "manifest.label": (
        "the active manifest's label is a urn:c2pa",
        lambda m: checks.unless(m.label.startswith("urn:c2pa:"), m.label),
    ),
    "claim.version": ("the claim is of version 2", lambda m: checks.unless(m.claim, "there is no claim.v2")),
    "claim.generator": (
        "the claim names the program that made it and its version",
        lambda m: checks.unless(m.generator_info.get("name") and m.generator_info.get("version"), str(dict(m.generator_info))),
    ),
    "claim.spec_version": (f"claim_generator_info says specVersion {SPECIFICATION}.x", checks.spec_version),
    "claim.no_moved_field": (
        "the claim itself carries no specVersion",
        lambda m: checks.unless("specVersion" not in m.claim, "specVersion in the claim"),
    ),
    "assertions.registered": ("assertions under c2pa. are registered ones", checks.registered),
    "assertions.current": ("no assertion is of a withdrawn kind", checks.not_withdrawn),
    "assertions.namespaced": (
        "other assertions carry a namespace",
        lambda m: [name for name in m.assertions if "." not in name],
    ),
    "assertions.ratings": ("what a human entered is not rated by the signer", checks.ratings),
    "assertions.external": ("external references point to no action, binding or ingredient", checks.external),
    "assertions.alternative": ("an alternative representation is in exactly one place", checks.alternative),
    "binding.one": ("there is exactly one hard binding, and the signer made it", checks.hard_binding),
    "binding.no_url": (
        "the hard binding carries no url",
        lambda m: [name for kind in HARD_BINDINGS for name, value in m.of_kind(kind).items() if "url" in value],
    ),
    "binding.no_boxes_of_tiff": ("a TIFF is not bound by boxes", checks.boxes_of_tiff),
    "actions.first_assertion": (
        "c2pa.actions.v2 is the first assertion the signer made",
        lambda m: checks.unless(m.created[:1] == ("c2pa.actions.v2",), f"created assertions: {list(m.created)}"),
    ),
    "actions.inception": ("the history starts with c2pa.created or c2pa.opened, and only starts so", checks.inception),
    "actions.complete": ("allActionsIncluded is true", checks.complete),
    "actions.registered": (
        "actions under c2pa. are registered ones",
        lambda m: [n for n in checks.action_names(m) if n.startswith("c2pa.") and n not in ACTIONS | WITHDRAWN_ACTIONS],
    ),
    "actions.current": (
        "no action is of a withdrawn kind",
        lambda m: [n for n in checks.action_names(m) if n in WITHDRAWN_ACTIONS],
    ),
    "actions.namespaced": ("other actions carry a namespace", lambda m: [n for n in checks.action_names(m) if "." not in n]),
    "actions.parameters_namespaced": ("parameters of our own carry a namespace", checks.parameters),
    "actions.parameters_current": (
        "description and ingredient are no parameters",
        lambda m: [n for a in m.actions for n in ("description", "ingredient") if n in (a.get("parameters") or {})],
    ),
    "actions.source_types": ("c2pa.created and every perceptible change declare a digital source type", checks.source_types),
    "opened.no_source_type": (
        "c2pa.opened declares no digital source type",
        lambda m: [str(a) for a in m.actions if a.get("action") == "c2pa.opened" and "digitalSourceType" in a],
    ),
    "opened.parent": ("c2pa.opened refers to the one parentOf ingredient, and to nothing else", checks.opened),
    "placed.components": ("c2pa.placed refers to the componentOf ingredients", checks.placed),
    "ingredients.relationship": (
        "ingredients are parentOf, componentOf or inputTo",
        lambda m: [n for n, v in m.ingredients.items() if v.get("relationship") not in ("parentOf", "componentOf", "inputTo")],
    ),
    "actions.ingredients": ("what is placed, removed, repackaged or transcoded is referred to", checks.unreferring),
    "ingredients.resolved": ("what actions refer to is there", checks.resolved),
    "ingredients.validated": (
        "an ingredient with a manifest says what validating it found, and no other does",
        checks.validated,
    ),
    "ingredients.source_type": (
        "an ingredient with a manifest leaves the digital source type to that",
        lambda m: [n for n, v in m.ingredients.items() if "activeManifest" in v and "digitalSourceType" in v],
    ),
    "validation.present": (
        "the manifest was validated",
        lambda m: checks.unless(m.content.get("validationResults"), "no validation results"),
    ),
    "validation.sound": ("validating found no failure, trust apart", checks.sound),
    "validation.signature": (
        "the claim's signature holds",
        lambda m: checks.unless(CLAIM_SIGNATURE_VALIDATED in m.codes("success"), "not validated"),
    ),
    "validation.binding": ("the hard binding matches the asset", checks.bound),
    "validation.assertions": ("every assertion of the claim has its hash", checks.hashes),
    "signature.algorithm": (
        "the signature algorithm is one C2PA allows",
        lambda m: checks.unless(
            m.content["signature"]["algorithm"] in SIGNATURE_ALGORITHMS, str(m.content["signature"]["algorithm"])
        ),
    ),
    "signature.time_stamp": ("a time-stamp, if there is one, holds", checks.time_stamp),
    "generator.agent": ("the generator is named as an object", checks.of_a_generator(checks.agent)),
    "generator.source_type": (
        "c2pa.created declares trainedAlgorithmicMedia; a change compositeWithTrainedAlgorithmicMedia, unless "
        "all it was made from is generated",
        checks.of_a_generator(checks.declared),
    ),
    "generator.edit": ("a generator's change to an opened asset is c2pa.edited", checks.of_a_generator(checks.edit)),
    "generator.model": ("the model is an inputTo ingredient", checks.of_a_generator(checks.inputs_of(MODEL))),
    "generator.prompt": (
        "the prompt, or that it is withheld, is an inputTo ingredient",
        checks.of_a_generator(checks.inputs_of(PROMPT)),
    ),
    "generator.inputs": (
        "the generator's action refers to every inputTo ingredient",
        checks.of_a_generator(checks.inputs_named),
    ),
    "disclosure.present": ("the signer discloses AI", checks.of_a_generator(checks.disclosure)),
    "disclosure.model": ("the disclosure names the model and its kind", checks.of_a_generator(checks.disclosed_model)),
    "disclosure.oversight": ("the disclosure states the level of human oversight", checks.of_a_generator(checks.oversight)),
    "rights.wishes": (
        "wishes on training and mining, if there are any, are stated as CAWG has them",
        checks.of_a_generator(checks.wishes),
    ),
    "soft_binding.bound": ("a watermark is bound to the manifest, and the action says so", checks.soft_binding),
}
"""Every requirement: its words and its check."""
