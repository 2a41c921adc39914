import numpy as np
import pytest

from detector.cards import read_card
from detector.scoring import Abstention, Detector, Reason, Score, load_detector
from tests.detector.tiny import write_tiny_detector


class MeanEngine:
    """Logit of a view: the mean of its normalised values."""

    name = "mean"

    def logits(self, images):
        return images.mean(axis=(1, 2, 3)).astype(np.float64)


@pytest.fixture
def detector(tmp_path):
    return Detector(read_card(write_tiny_detector(tmp_path)), MeanEngine())


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_llr_is_the_calibrated_mean_of_the_views(detector):
    pixels = noise(64, 64)
    score = detector.score(pixels)
    views = [(pixels[at : at + 32, at : at + 32] / 255.0 - 0.5) / 0.25 for at in (16, 0)]
    assert score.logit == pytest.approx(np.mean([view.mean() for view in views]), abs=1e-5)
    assert score.llr == pytest.approx(2.0 * score.logit - 0.5)
    assert [(tile.left, tile.top, tile.width, tile.height) for tile in score.tiles] == [(16, 16, 32, 32), (0, 0, 32, 32)]
    assert np.mean([tile.llr for tile in score.tiles]) == pytest.approx(score.llr)


def test_a_batch_answers_in_order_with_abstentions_in_place(detector):
    batch = [noise(64, 48, 1), np.zeros((64, 64, 3), np.uint8), noise(32, 32, 2), noise(23, 90, 3)]
    answers = detector.score_batch(batch)
    assert [type(answer) for answer in answers] == [Score, Abstention, Score, Abstention]
    assert answers == [detector.score(pixels) for pixels in batch]


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (noise(23, 200), Reason.TOO_SMALL),
        (noise(200, 23), Reason.TOO_SMALL),
        (np.full((64, 64, 3), 200, np.uint8), Reason.FLAT),
        (np.full((64, 64, 3), 200, np.uint8) + (noise(64, 64) % 3), Reason.FLAT),
    ],
)
def test_images_that_cannot_be_judged(detector, pixels, reason):
    answer = detector.score(pixels)
    assert isinstance(answer, Abstention)
    assert answer.reason is reason


def test_the_smallest_image_that_is_judged(detector):
    assert isinstance(detector.score(noise(24, 24)), Score)


def test_an_empty_batch_has_no_answers(detector):
    assert detector.score_batch([]) == []


def test_engines_give_the_same_llr(tmp_path):
    path = write_tiny_detector(tmp_path)
    first, second = (load_detector(path, name, threads=1).score(noise(70, 50)) for name in ("onnxruntime", "torch"))
    assert first.llr == pytest.approx(second.llr, abs=1e-4)
