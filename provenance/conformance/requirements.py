"""The checks behind the rubric's requirements: each says what is wrong with a manifest, nothing if it is right.

Source: see `provenance.conformance.rubric`, which words the requirements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from provenance.conformance.crjson import Manifest, base_label, data_types, references
from provenance.conformance.registered_labels import (
    ASSERTIONS,
    HARD_BINDINGS,
    INCEPTIONS,
    PARAMETERS,
    UNSEEN_ACTIONS,
    WITHDRAWN_ASSERTIONS,
)
from provenance.digital_source_type import DigitalSourceType, Extent, synthetic_extent
from provenance.evidence import Permission
from provenance.status_codes import HARD_BINDING_MATCHES, TIME_STAMP_VALIDATED

SPECIFICATION: Final = "2.4"
MODEL: Final = "c2pa.types.model"
PROMPT: Final = "c2pa.types.generator.prompt"
_SEMANTIC_VERSION: Final = re.compile(r"(\d+\.\d+)\.\d+(?:[-+].+)?")
_TRUST_CODES: Final = re.compile(r"(signingCredential|timeStamp)\.untrusted|signingCredential\.ocsp\..*|cawg\..*")


class Standing(StrEnum):
    """How a requirement is met."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    PENDING = "pending"
    """Belongs to a layer that this manifest says nothing of."""


Check = Callable[[Manifest], Iterable[str] | Standing]
"""What is wrong with a manifest, nothing if it is right, or why the question does not arise."""


def unless(met: object, wrong: str) -> list[str]:
    """`wrong`, unless it is met."""
    return [] if met else [wrong]


# --- claim and assertions


def spec_version(manifest: Manifest) -> list[str]:
    """The version of the specification the claim was made by."""
    stated = manifest.generator_info.get("specVersion")
    match = _SEMANTIC_VERSION.fullmatch(stated) if isinstance(stated, str) else None
    return unless(match and match[1] == SPECIFICATION, f"specVersion is {stated!r}")


def registered(manifest: Manifest) -> list[str]:
    """Labels under c2pa. that the specification does not know."""
    known = ASSERTIONS | WITHDRAWN_ASSERTIONS
    return [name for name in manifest.assertions if name.startswith("c2pa.") and base_label(name) not in known]


def not_withdrawn(manifest: Manifest) -> list[str]:
    """Labels the specification has withdrawn."""
    return [n for n in manifest.assertions if n.startswith("stds.") or base_label(n) in WITHDRAWN_ASSERTIONS]


def hard_binding(manifest: Manifest) -> list[str] | Standing:
    """Exactly one, among the created assertions; an update manifest leaves it to its parent."""
    if manifest.content.get("isUpdateManifest") is True:
        return Standing.NOT_APPLICABLE
    bindings = [name for name in manifest.assertions if base_label(name) in HARD_BINDINGS]
    return unless(len(bindings) == 1 and bindings[0] in manifest.created, f"hard bindings: {bindings}")


def boxes_of_tiff(manifest: Manifest) -> list[str]:
    """Box hashes on a TIFF."""
    formats = {value.get("dc:format") for value in manifest.of_kind("c2pa.asset-type.v2").values()}
    boxes = manifest.of_kind("c2pa.hash.boxes")
    return [*boxes] if formats & {"image/tiff", "image/x-adobe-dng"} else []


def ratings(manifest: Manifest) -> list[str]:
    """Ratings on what a human entered."""
    human = ("humanEntry.anonymous", "humanEntry.credentialed")
    rated = {n: v for n, v in manifest.assertions.items() if isinstance(v, Mapping) and v.get("reviewRatings") is not None}
    return [name for name, value in rated.items() if (value.get("dataSource") or {}).get("type") in human]


def external(manifest: Manifest) -> list[str]:
    """External references to what has to be in the manifest."""
    pointing = (v for v in manifest.assertions.values() if isinstance(v, Mapping) and v.get("url") and "relationship" not in v)
    labels = [str(value["label"]) for value in pointing if value.get("label")]
    kept = ("c2pa.actions", "c2pa.cloud-data", "c2pa.external-reference", "c2pa.hash", "c2pa.ingredient")
    return [label for label in labels if label.startswith(kept)]


def alternative(manifest: Manifest) -> list[str]:
    """Alternative representations that are nowhere, or in two places."""
    wrong = []
    for name, value in manifest.of_kind("c2pa.alternative-content-representation").items():
        parameters = value.get("parameters") or {}
        given = [key for key in ("multiAssetPartIndex", "embeddedOriginalPreservationImage") if parameters.get(key) is not None]
        if "exif.originalPreservationImage" in (value.get("type"), parameters.get("type")) and len(given) != 1:
            wrong.append(name)
    return wrong


# --- actions and ingredients


def inception(manifest: Manifest) -> list[str]:
    """One action that starts the history, at its start."""
    names = [str(action.get("action")) for action in manifest.actions]
    return unless(names and [n in INCEPTIONS for n in names] == [True] + [False] * (len(names) - 1), f"actions: {names}")


def complete(manifest: Manifest) -> list[str]:
    """Histories that do not say they are complete."""
    histories = {n: v for n, v in manifest.assertions.items() if isinstance(v, Mapping) and "actions" in v}
    if not histories:
        return ["there is no actions assertion"]
    return [name for name, value in histories.items() if value.get("allActionsIncluded") is not True]


def parameters(manifest: Manifest) -> list[str]:
    """Parameters of unknown names without a namespace."""
    names = [name for action in manifest.actions for name in action.get("parameters") or {}]
    return [name for name in names if name not in PARAMETERS and "." not in name]


def source_types(manifest: Manifest) -> list[str]:
    """Actions that owe a digital source type."""
    exempt = UNSEEN_ACTIONS | {"c2pa.opened", "c2pa.placed"}
    named = [(str(a.get("action")), a.get("digitalSourceType")) for a in manifest.actions]
    return [name for name, source in named if name.startswith("c2pa.") and name not in exempt and not source]


def opened(manifest: Manifest) -> list[str] | Standing:
    """What was opened is the one parent."""
    opened = [action for action in manifest.actions if action.get("action") == "c2pa.opened"]
    parents = [name for name, value in manifest.ingredients.items() if value.get("relationship") == "parentOf"]
    if not opened:
        return [f"a parent that was not opened: {name}" for name in parents] or Standing.NOT_APPLICABLE
    wrong = [f"refers to {references(action)}" for action in opened if references(action) != parents]
    return wrong + unless(len(parents) == 1, f"parents: {parents}")


def placed(manifest: Manifest) -> list[str] | Standing:
    """What was placed are the components."""
    parts = {name for name, value in manifest.ingredients.items() if value.get("relationship") == "componentOf"}
    placed = {name for a in manifest.actions if a.get("action") == "c2pa.placed" for name in references(a)}
    return sorted(parts ^ placed) if parts | placed else Standing.NOT_APPLICABLE


def unreferring(manifest: Manifest) -> list[str]:
    """Actions that are done to an ingredient and name none."""
    owing = {"c2pa.placed", "c2pa.removed", "c2pa.repackaged", "c2pa.transcoded"}
    return [str(a["action"]) for a in manifest.actions if a.get("action") in owing and not references(a)]


def resolved(manifest: Manifest) -> list[str]:
    """References to ingredients that are not there."""
    return [name for action in manifest.actions for name in references(action) if name not in manifest.ingredients]


def validated(manifest: Manifest) -> list[str]:
    """Validation results go with a manifest."""
    values = manifest.ingredients.items()
    return [name for name, value in values if ("activeManifest" in value) != ("validationResults" in value)]


# --- validation


def sound(manifest: Manifest) -> list[str]:
    """Failures, those of trust left out."""
    return [code for code in (*manifest.codes("failure"), *manifest.delta_failures) if not _TRUST_CODES.fullmatch(code)]


def bound(manifest: Manifest) -> list[str] | Standing:
    """The binding matches the bytes."""
    if manifest.content.get("isUpdateManifest") is True:
        return Standing.NOT_APPLICABLE
    return unless(HARD_BINDING_MATCHES & set(manifest.codes("success")), "no hard binding matched")


def hashes(manifest: Manifest) -> list[str]:
    """Assertions of the claim whose hash was not matched."""
    return [name for name in manifest.listed if name not in manifest.passed("assertion.hashedURI.match")]


def time_stamp(manifest: Manifest) -> list[str] | Standing:
    """A time-stamp that was not validated."""
    if "timeStampInfo" not in (manifest.content.get("signature") or {}):
        return Standing.NOT_APPLICABLE
    return unless(TIME_STAMP_VALIDATED in manifest.codes("success"), "the time-stamp was not validated")


# --- generators


def _generated(manifest: Manifest) -> list[Mapping[str, Any]]:
    """Actions by which a generator made or changed the asset."""
    return [action for action in manifest.actions if synthetic_extent(action.get("digitalSourceType"))]


def of_a_generator(check: Callable[[Manifest, list[Mapping[str, Any]]], Iterable[str] | Standing]) -> Check:
    """A check that does not arise where no generator took part."""

    def checked(manifest: Manifest) -> Iterable[str] | Standing:
        made = _generated(manifest)
        return check(manifest, made) if made else Standing.NOT_APPLICABLE

    return checked


def agent(_: Manifest, made: list[Mapping[str, Any]]) -> list[str]:
    """Generators that are not named as an object."""
    agents = [action.get("softwareAgent") for action in made]
    return [f"softwareAgent is {agent!r}" for agent in agents if not (isinstance(agent, Mapping) and agent.get("name"))]


def declared(manifest: Manifest, made: list[Mapping[str, Any]]) -> list[str]:
    """Digital source types that say more or less than the ingredients allow."""
    wrong = []
    for action in made:
        full = action["action"] == "c2pa.created" or _parents_generated(manifest)
        allowed = {DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA} if full else set()
        if action["action"] != "c2pa.created":
            allowed.add(DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)
        if action["digitalSourceType"] not in allowed:
            wrong.append(f"{action['action']} declares {action['digitalSourceType']}")
    return wrong


def _parents_generated(manifest: Manifest) -> bool:
    """Whether every asset this one was made from is itself declared wholly generated."""
    parents = [v for v in manifest.ingredients.values() if v.get("relationship") in ("parentOf", "componentOf")]
    found = [manifest.manifest_of(parent) for parent in parents]
    extents = [{synthetic_extent(a.get("digitalSourceType")) for a in m.actions} - {None} if m else set() for m in found]
    return bool(extents) and all(extent == {Extent.FULL} for extent in extents)


def edit(_: Manifest, made: list[Mapping[str, Any]]) -> list[str]:
    """Names of a generator's actions that say less than an edit."""
    names = [str(action.get("action")) for action in made]
    return [name for name in names if name not in ("c2pa.created", "c2pa.edited")]


def inputs_of(kind: str) -> Callable[[Manifest, list[Mapping[str, Any]]], Iterable[str] | Standing]:
    """A check that an input of this kind is there."""

    def check(manifest: Manifest, made: list[Mapping[str, Any]]) -> Iterable[str] | Standing:
        inputs = [v for v in manifest.ingredients.values() if v.get("relationship") == "inputTo"]
        if any(name == kind or name.startswith(f"{kind}.") for value in inputs for name in data_types(value)):
            return []
        if kind == PROMPT and all(action.get("action") != "c2pa.created" for action in made):
            return Standing.NOT_APPLICABLE  # an upscaler needs none
        return [f"no inputTo ingredient of type {kind}"]

    return check


def inputs_named(manifest: Manifest, made: list[Mapping[str, Any]]) -> list[str]:
    """Inputs that the generator's action does not refer to."""
    named = {name for action in made for name in references(action)}
    return [
        name for name, value in manifest.ingredients.items() if value.get("relationship") == "inputTo" and name not in named
    ]


def disclosure(manifest: Manifest, _: list[Mapping[str, Any]]) -> list[str]:
    """The AI disclosure is there."""
    return unless("c2pa.ai-disclosure" in manifest.created, "no c2pa.ai-disclosure among the created assertions")


def disclosed_model(manifest: Manifest, _: list[Mapping[str, Any]]) -> list[str]:
    """It names the model."""
    said = manifest.of_kind("c2pa.ai-disclosure").values()
    sound = [bool(v.get("modelName")) and str(v.get("modelType")).startswith(MODEL) for v in said]
    return unless(sound and all(sound), "no modelType of c2pa.types.model, or no modelName")


def oversight(manifest: Manifest, _: list[Mapping[str, Any]]) -> list[str]:
    """It says how much a human saw to it."""
    levels = [
        (v.get("contentProfile") or {}).get("humanOversightLevel") for v in manifest.of_kind("c2pa.ai-disclosure").values()
    ]
    return unless(levels and all(isinstance(level, str) and level for level in levels), "no humanOversightLevel")


def wishes(manifest: Manifest, _: list[Mapping[str, Any]]) -> list[str] | Standing:
    """Entries on training and mining that say nothing; a rights holder who wished nothing is silent."""
    stated = manifest.of_kind("cawg.training-mining").values()
    if not stated:
        return Standing.NOT_APPLICABLE
    entries = [value.get("entries") or {} for value in stated]
    wrong = [
        f"{key}: {value}"
        for wished in entries
        for key, value in wished.items()
        if "." not in key or value.get("use") not in set(Permission)
    ]
    return wrong + unless(all(entries), "an assertion without entries")


def soft_binding(manifest: Manifest) -> list[str] | Standing:
    """A bound watermark and its action go together."""
    bindings = manifest.of_kind("c2pa.soft-binding")
    marked = any(action.get("action") == "c2pa.watermarked.bound" for action in manifest.actions)
    if not bindings and not marked:
        return Standing.PENDING
    return unless(bindings, "c2pa.watermarked.bound without c2pa.soft-binding") + unless(
        marked, "c2pa.soft-binding without c2pa.watermarked.bound"
    )


def action_names(manifest: Manifest) -> list[str]:
    """Names of the actions, in order."""
    return [str(action.get("action")) for action in manifest.actions]
