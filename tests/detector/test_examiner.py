import io

import numpy as np
import pytest
from PIL import Image

from detector.cards import read_card
from detector.examiner import DetectorExaminer
from detector.scoring import Detector
from provenance.asset import Asset
from provenance.errors import AssetUnreadable, DetectorError, ExaminerError, PixelsTooMany
from provenance.evidence import Outcome, ScoreEvidence, StatusEvidence
from tests.assets.sounds_and_films import encoded_timed
from tests.detector.tiny import write_tiny_detector


class FixedEngine:
    name = "fixed"

    def __init__(self, logit):
        self.logit = logit

    def logits(self, images):
        if self.logit is None:
            raise RuntimeError("device lost")
        return np.full(len(images), self.logit)


@pytest.fixture
def card(tmp_path):
    return read_card(write_tiny_detector(tmp_path))


def asset(width=64, height=64, flat=False):
    rng = np.random.default_rng(0)
    pixels = np.zeros((height, width, 3), np.uint8) if flat else rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    coded = io.BytesIO()
    Image.fromarray(pixels).save(coded, "PNG")
    return Asset.from_bytes(coded.getvalue())


def test_score_with_probability_and_operating_point(card):
    (evidence,) = DetectorExaminer(Detector(card, FixedEngine(2.0))).examine(asset())
    assert isinstance(evidence, ScoreEvidence)
    assert evidence.examiner == "detector:tiny@7"
    assert evidence.llr == pytest.approx(3.5)
    assert evidence.p_synthetic == pytest.approx(1 / (1 + np.exp(-3.5)))
    assert evidence.operating_point.name == "fpr-1%"
    assert evidence.flagged
    assert len(evidence.tiles) == 2


def test_another_point_and_prior_by_argument(card):
    examiner = DetectorExaminer(Detector(card, FixedEngine(0.25)), operating_point="fpr-5%", prior=0.01)
    (evidence,) = examiner.examine(asset())
    assert evidence.p_synthetic == pytest.approx(0.01)
    assert evidence.operating_point.threshold_llr == 1.0
    assert not evidence.flagged


def test_a_point_the_card_lacks_is_refused_at_once(card):
    with pytest.raises(DetectorError):
        DetectorExaminer(Detector(card, FixedEngine(0.0)), operating_point="fpr-0%")


@pytest.mark.parametrize(("picture", "reason"), [(asset(20, 64), "too_small: "), (asset(flat=True), "flat: ")])
def test_abstention_is_a_status_with_its_reason(card, picture, reason):
    (evidence,) = DetectorExaminer(Detector(card, FixedEngine(0.0))).examine(picture)
    assert isinstance(evidence, StatusEvidence)
    assert (evidence.code, evidence.outcome) == ("detector.abstained", Outcome.NOT_APPLICABLE)
    assert evidence.explanation.startswith(reason)


def test_a_truncated_asset_is_unreadable_not_unscored(card):
    whole = asset().data
    with pytest.raises(AssetUnreadable):
        DetectorExaminer(Detector(card, FixedEngine(0.0))).examine(Asset.from_bytes(whole[: len(whole) // 2]))


def test_the_pixel_limit_holds(card):
    with pytest.raises(PixelsTooMany):
        DetectorExaminer(Detector(card, FixedEngine(0.0)), max_pixels=4095).examine(asset())


def test_an_engine_that_fails_is_an_examiner_error_with_its_cause(card):
    with pytest.raises(ExaminerError, match="device lost"):
        DetectorExaminer(Detector(card, FixedEngine(None))).examine(asset())


@pytest.mark.parametrize("media_type", ["audio/wav", "video/mp4"])
def test_what_has_no_pixels_is_not_applicable(card, media_type):
    (evidence,) = DetectorExaminer(Detector(card, FixedEngine(None))).examine(encoded_timed(media_type))
    assert isinstance(evidence, StatusEvidence)
    assert (evidence.code, evidence.outcome) == ("detector.abstained", Outcome.NOT_APPLICABLE)
    assert evidence.explanation.startswith(f"no_pixels: {media_type}")
