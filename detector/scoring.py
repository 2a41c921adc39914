"""From pixels to a calibrated score: views, model, mean logit, LLR; or a stated reason for not judging.

Training, serving and evaluation share this road. The mean is over the logits of the views, and the calibration was
fitted on such means; a view's own LLR says where, not how sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.cards import DEFAULT_CARD, Card, read_card
from detector.engines import Engine, EngineName, open_engine
from detector.views import View, cut, normalise
from provenance.evidence import TileScore
from provenance.pixels import PixelArray

_GREY = np.asarray((0.299, 0.587, 0.114), np.float32)


class Reason(StrEnum):
    """Why an image was not judged."""

    TOO_SMALL = "too_small"
    FLAT = "flat"


@dataclass(frozen=True, slots=True)
class Score:
    """What was measured on one image."""

    llr: float
    """Calibrated log-likelihood ratio, natural log; positive favours synthetic."""
    logit: float
    """Mean of the views' logits, before calibration."""
    tiles: tuple[TileScore, ...]
    """The views and their own LLRs."""


@dataclass(frozen=True, slots=True)
class Abstention:
    """The detector ran and declines to judge."""

    reason: Reason
    explanation: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image ready for a model."""

    views: tuple[View, ...]
    images: NDArray[np.float32]
    """Normalised views, shape (len(views), 3, S, S)."""


class Detector:
    """A card and the engine that runs it. Holds no state between images: equal pixels get equal scores."""

    def __init__(self, card: Card, engine: Engine) -> None:
        self.card = card
        self.engine = engine

    @property
    def name(self) -> str:
        """Name in evidence, such as "detector:clip-b16-tokens@1"."""
        return self.card.detector_name

    def score(self, pixels: PixelArray) -> Score | Abstention:
        """Score one image, RGB, shape (H, W, 3)."""
        return self.score_batch([pixels])[0]

    def score_batch(self, batch: Sequence[PixelArray]) -> list[Score | Abstention]:
        """Score images of any sizes; one answer each, in their order. Their views go through the model together."""
        prepared = [self.prepare(pixels) for pixels in batch]
        ready = [item for item in prepared if isinstance(item, Prepared)]
        if not ready:
            return [item for item in prepared if isinstance(item, Abstention)]
        logits = self.engine.logits(np.concatenate([item.images for item in ready]))
        shares = iter(np.split(logits, np.cumsum([len(item.views) for item in ready])[:-1]))
        return [item if isinstance(item, Abstention) else self._judge(item, next(shares)) for item in prepared]

    def prepare(self, pixels: PixelArray) -> Prepared | Abstention:
        """The model's input for one image, or why there is none."""
        height, width = pixels.shape[:2]
        preprocessing = self.card.preprocessing
        if min(height, width) < self.card.limits.smallest_side:
            smallest = self.card.limits.smallest_side
            return Abstention(Reason.TOO_SMALL, f"{width} x {height} pixels; sides of {smallest} and more are judged")
        views = preprocessing.policy.views(width, height)
        crops = cut(pixels, views, preprocessing.policy.size)
        deviation = _deviation(crops)
        if deviation < self.card.limits.least_deviation:
            return Abstention(Reason.FLAT, f"nearly uniform: grey values deviate by {deviation:.2f} of 255 at most")
        return Prepared(views, normalise(crops, preprocessing.mean, preprocessing.std))

    def _judge(self, prepared: Prepared, logits: NDArray[np.float64]) -> Score:
        size = self.card.preprocessing.policy.size
        logit = logits.mean()
        tiles = tuple(
            TileScore(view.left, view.top, size, size, float(llr))
            for view, llr in zip(prepared.views, self.card.calibration.llr(logits), strict=True)
        )
        return Score(llr=float(self.card.calibration.llr(logit)), logit=float(logit), tiles=tiles)


def load_detector(
    card: str | Path | Card = DEFAULT_CARD, engine: EngineName = "auto", *, threads: int | None = None
) -> Detector:
    """The detector a card describes.

    Args:
        card: Name of a card that ships, a path to one, or one already read.
        engine: `auto` takes torch when it can use a CUDA device, and ONNX Runtime otherwise.
        threads: CPU threads; none leaves it to the engine.

    Raises:
        WeightsUnreadable: The weights cannot be read or are no model.
        WeightsMismatch: The weights are not those of the card.
        DetectorError: The card is missing or not sound, or the engine is not installed.
    """
    read = card if isinstance(card, Card) else read_card(card)
    return Detector(read, open_engine(read, engine, threads=threads))


def _deviation(crops: NDArray[np.uint8]) -> float:
    """Largest standard deviation of grey values over the views; every fourth pixel is enough to tell a flat one."""
    grey = crops[:, ::2, ::2].astype(np.float32) @ _GREY
    return float(grey.reshape(len(crops), -1).std(axis=1).max())
