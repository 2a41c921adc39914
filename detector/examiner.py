"""The detector as an examiner: an asset goes in, a score or a stated abstention comes out.

Pixels that cannot be decoded raise what `provenance.pixels` raises: a detector that could not look has not found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detector.calibration import probability
from detector.scoring import Abstention, Detector
from provenance.asset import Asset
from provenance.errors import ExaminerError
from provenance.evidence import Evidence, Outcome, ScoreEvidence, StatusEvidence
from provenance.pixels import MAX_ASSET_PIXELS, PixelArray, decode

ABSTAINED: Final = "detector.abstained"


class DetectorExaminer:
    """Examines assets with one detector at one operating point.

    Args:
        detector: What scores.
        operating_point: Name of one of its card's; none takes the card's default.
        prior: Share of synthetic images for the stated probability; none takes the card's.
        max_pixels: Limit of decoded pixels.

    Raises:
        DetectorError: The card has no such operating point.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        operating_point: str | None = None,
        prior: float | None = None,
        max_pixels: int = MAX_ASSET_PIXELS,
    ) -> None:
        self._detector = detector
        self._point = detector.card.point(operating_point)
        self._prior = detector.card.prior if prior is None else prior
        self._max_pixels = max_pixels

    @property
    def name(self) -> str:
        """Such as "detector:clip-b16-tokens@1"."""
        return self._detector.name

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """One score, or one status saying why there is none, as for sounds and films, which have no pixels to look at.

        Raises:
            AssetError: The asset cannot be decoded, or has more than one frame or too many pixels.
            ExaminerError: The engine failed.
        """
        if not asset.has_pixels:
            explanation = f"no_pixels: {asset.media_type} is no still image, and the content of sounds and films is not judged"
            return [StatusEvidence(self.name, ABSTAINED, Outcome.NOT_APPLICABLE, explanation=explanation)]
        return self.examine_pixels(asset, decode(asset, max_pixels=self._max_pixels))

    def examine_pixels(self, asset: Asset, pixels: PixelArray) -> Sequence[Evidence]:
        """As `examine`, of `pixels` that were decoded elsewhere: RGB, shape (height, width, 3).

        Raises:
            ExaminerError: The engine failed.
        """
        try:
            result = self._detector.score(pixels)
        except MemoryError:
            raise
        except Exception as err:  # engines raise classes of their own
            raise ExaminerError(f"{self.name} could not score {asset.sha256[:12]}: {err}") from err
        if isinstance(result, Abstention):
            explanation = f"{result.reason}: {result.explanation}"
            return [StatusEvidence(self.name, ABSTAINED, Outcome.NOT_APPLICABLE, explanation=explanation)]
        p_synthetic = float(probability(np.asarray([result.llr]), self._prior)[0])
        return [ScoreEvidence(self.name, result.llr, p_synthetic, self._prior, self._point, result.tiles)]
