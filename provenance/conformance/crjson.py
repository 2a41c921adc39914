"""One manifest of a crJSON document, as checks need it.

Nothing is believed of a document's shape: what is not as described raises ValueError or reads as absent.

Source: C2PA conformance programme, crJSON; c2pa-python 0.38, `Reader.crjson()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Action = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest and the others in its store."""

    label: str
    content: Mapping[str, Any]
    store: Mapping[str, Mapping[str, Any]]
    """Every manifest, by label."""

    @property
    def assertions(self) -> Mapping[str, Any]:
        """By label, numbered where there are several of one kind."""
        return _mapping(self.content.get("assertions"))

    def of_kind(self, label: str) -> dict[str, Mapping[str, Any]]:
        """The assertions of one kind, by their numbered labels."""
        return {name: _mapping(value) for name, value in self.assertions.items() if base_label(name) == label}

    @property
    def claim(self) -> Mapping[str, Any]:
        """The claim; empty if it is not of version 2."""
        return _mapping(self.content.get("claim.v2"))

    @property
    def generator_info(self) -> Mapping[str, Any]:
        """Who made the claim, the first if several are named."""
        info = self.claim.get("claim_generator_info")
        return _mapping(info[0] if isinstance(info, list) and info else info)

    @property
    def created(self) -> tuple[str, ...]:
        """Labels of the assertions the signer made itself, in order."""
        return tuple(label_of(entry) for entry in _entries(self.claim.get("created_assertions")))

    @property
    def listed(self) -> tuple[str, ...]:
        """Labels of all assertions of the claim."""
        return self.created + tuple(label_of(entry) for entry in _entries(self.claim.get("gathered_assertions")))

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions, in order."""
        assertions = (
            _mapping(value) for value in self.assertions.values() if isinstance(value, Mapping) and "actions" in value
        )
        return tuple(action for assertion in assertions for action in _entries(assertion["actions"]))

    @property
    def ingredients(self) -> Mapping[str, Mapping[str, Any]]:
        """Ingredient assertions, by label."""
        return {name: value for name, value in self.assertions.items() if base_label(name).startswith("c2pa.ingredient")}

    def codes(self, outcome: str) -> list[str]:
        """Status codes of validating this manifest: "success", "informational" or "failure"."""
        results = _mapping(self.content.get("validationResults"))
        return [str(status.get("code")) for status in _entries(results.get(outcome))]

    def passed(self, code: str) -> set[str]:
        """Labels of what a success code was given to."""
        results = _mapping(self.content.get("validationResults"))
        return {label_of(status) for status in _entries(results.get("success")) if status.get("code") == code}

    @property
    def delta_failures(self) -> list[str]:
        """Failures of ingredients that were not there when they were taken in."""
        deltas = [_mapping(entry.get("validationDeltas")) for entry in _entries(self.content.get("ingredientDeltas"))]
        return [str(status.get("code")) for delta in deltas for status in _entries(delta.get("failure"))]

    def manifest_of(self, ingredient: Mapping[str, Any]) -> Manifest | None:
        """The manifest an ingredient came with; None without one."""
        url = _mapping(ingredient.get("activeManifest")).get("url")
        label = str(url).rpartition("/")[2]
        return Manifest(label, self.store[label], self.store) if label in self.store else None


def active_manifest(document: Mapping[str, Any]) -> Manifest:
    """The manifest that speaks for the asset: the first.

    Raises:
        ValueError: The document holds none.
    """
    manifests = _entries(document.get("manifests"))
    if not manifests:
        raise ValueError("the document holds no manifest")
    store = {str(content.get("label")): content for content in manifests}
    label = str(manifests[0].get("label"))
    return Manifest(label, manifests[0], store)


def base_label(label: str) -> str:
    """A label without the number that tells several of one kind apart.

    >>> base_label("c2pa.ingredient.v3__2")
    'c2pa.ingredient.v3'
    """
    return label.partition("__")[0]


def label_of(reference: Mapping[str, Any]) -> str:
    """Label of the assertion that a hashed URI points to."""
    return str(reference.get("url")).rpartition("/")[2]


def references(action: Action) -> list[str]:
    """Labels of the ingredients an action names."""
    return [label_of(entry) for entry in _entries(_mapping(action.get("parameters")).get("ingredients"))]


def data_types(ingredient: Mapping[str, Any]) -> list[str]:
    """What kind of data an ingredient says it is."""
    return [str(entry.get("type")) for entry in _entries(ingredient.get("dataTypes"))]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _entries(value: object) -> Sequence[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise ValueError("a list of objects was expected")
    return value
