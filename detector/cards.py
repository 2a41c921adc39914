"""A detector's card: everything that scoring needs to know of a weights file, and everything a reader is owed.

A card is a JSON file beside its weights. Scoring uses the parts that are typed here; provenance of the training data,
measurements and limits stay in `document` as written. A field that scoring needs and does not find is an error, never a
default: a wrong mean or a wrong threshold looks like a working detector.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.calibration import Platt
from detector.views import ViewPolicy
from provenance.errors import DetectorError, WeightsMismatch, WeightsUnreadable
from provenance.evidence import OperatingPoint

SCHEMA = "assay-detector-card/1"
DEFAULT_CARD = "clip-b16-tokens"
"""The card that ships."""
_WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What becomes of pixels before the model sees them."""

    policy: ViewPolicy
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Images the detector declines to judge."""

    smallest_side: int
    """In pixels; anything smaller is abstained from."""
    least_deviation: float
    """Standard deviation of the grey values, 0 to 255, that some view must reach."""


@dataclass(frozen=True, slots=True)
class Card:
    """One detector: its weights, its numbers, its limits."""

    name: str
    version: str
    weights: Path
    weights_sha256: str
    architecture: str
    """Name of the backbone in timm, for the torch engine."""
    preprocessing: Preprocessing
    limits: Limits
    calibration: Platt
    prior: float
    """Share of synthetic images that stated probabilities assume unless told otherwise."""
    operating_points: tuple[OperatingPoint, ...]
    default_point: str
    document: Mapping[str, Any] = field(repr=False)
    """The whole card, as read."""

    @property
    def detector_name(self) -> str:
        """Name in evidence, such as "detector:clip-b16-tokens@1"."""
        return f"detector:{self.name}@{self.version}"

    def point(self, name: str | None = None) -> OperatingPoint:
        """The operating point called `name`, or the default one.

        Raises:
            DetectorError: The card has no such point.
        """
        wanted = name or self.default_point
        for point in self.operating_points:
            if point.name == wanted:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise DetectorError(f"{self.detector_name} has no operating point {wanted!r}; it has {known}")


def shipped_cards() -> dict[str, Path]:
    """Cards that come with this package, by name."""
    return {path.parent.name: path for path in sorted(_WEIGHTS.glob("*/card.json"))}


def read_card(card: str | Path = DEFAULT_CARD) -> Card:
    """The card of that name that ships, or the one at that path.

    Raises:
        DetectorError: There is no such card, or it lacks something that scoring needs.
    """
    path = shipped_cards().get(card) if isinstance(card, str) else card
    if path is None:
        path = Path(card)
        if path.suffix != ".json":
            raise DetectorError(f"no detector is called {card!r}; there are {', '.join(shipped_cards()) or 'none'}")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _parse(document, path.parent)
    except OSError as err:
        raise DetectorError(f"could not read the card {path}: {err}") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise DetectorError(f"the card {path} is not sound: {type(err).__name__}: {err}") from err


def verified_weights(card: Card) -> bytes:
    """The weights file, once its digest is the card's.

    Raises:
        WeightsUnreadable: The file cannot be read.
        WeightsMismatch: It is another file than the card describes.
    """
    try:
        data = card.weights.read_bytes()
    except OSError as err:
        raise WeightsUnreadable(f"could not read the weights of {card.detector_name}: {err}") from err
    found = hashlib.sha256(data).hexdigest()
    if found != card.weights_sha256:
        raise WeightsMismatch(
            f"{card.weights.name} has SHA-256 {found}, the card of {card.detector_name} says {card.weights_sha256}"
        )
    return data


def _parse(document: Mapping[str, Any], folder: Path) -> Card:
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']!r} is not {SCHEMA!r}")
    model, views, limits = document["model"], document["preprocessing"], document["limits"]
    places = tuple((float(x), float(y)) for x, y in views["places"])
    policy = ViewPolicy(size=int(views["size"]), places=places)
    card = Card(
        name=str(document["name"]),
        version=str(document["version"]),
        weights=folder / str(model["file"]),
        weights_sha256=str(model["sha256"]),
        architecture=str(model["architecture"]),
        preprocessing=Preprocessing(policy, _triple(views["mean"]), _triple(views["std"])),
        limits=Limits(int(limits["smallest_side"]), float(limits["least_deviation"])),
        calibration=Platt(float(document["calibration"]["scale"]), float(document["calibration"]["offset"])),
        prior=float(document["prior"]),
        operating_points=tuple(_point(point) for point in document["operating_points"]),
        default_point=str(document["default_operating_point"]),
        document=document,
    )
    card.point()
    return card


def _triple(values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"expected one value per colour channel, got {values!r}")
    return tuple(float(value) for value in values)


def _point(record: Mapping[str, Any]) -> OperatingPoint:
    low, high = record["fpr_interval"]
    return OperatingPoint(
        name=str(record["name"]),
        threshold_llr=float(record["threshold_llr"]),
        target_fpr=float(record["target_fpr"]),
        fpr_interval=(float(low), float(high)),
        n_real=int(record["n_real"]),
    )
