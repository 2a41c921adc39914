"""The detector that ships: its file is its card's, it loads in the light runtime, and both engines say the same."""

import json
import subprocess
import sys

import numpy as np
import pytest

from detector.cards import DEFAULT_CARD, read_card, shipped_cards, verified_weights
from detector.perturb import jpeg, resize
from detector.scoring import load_detector

LIGHT = """
import sys
import numpy as np
from detector.examiner import DetectorExaminer
from detector.scoring import load_detector
detector = load_detector(engine="onnxruntime", threads=1)
pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
DetectorExaminer(detector)
detector.score(pixels)
heavy = {"torch", "timm", "onnx", "sklearn", "scipy"} & set(sys.modules)
resident = int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
print(resident)
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_weights_are_the_cards_and_small_enough_for_a_git_host():
    assert DEFAULT_CARD in shipped_cards()
    assert len(verified_weights(read_card())) < 95e6


def test_light_runtime_scores_without_torch_within_its_memory():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 450


def test_engines_give_the_same_llr_to_a_thousandth():
    first = load_detector(engine="onnxruntime", threads=2)
    second = load_detector(engine="torch", threads=2)
    rng = np.random.default_rng(0)
    pictures = [resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), 20.0) for _ in range(3)]
    pictures += [jpeg(pictures[0], 60), rng.integers(0, 256, (150, 240, 3), dtype=np.uint8)]
    ours, theirs = first.score_batch(pictures), second.score_batch(pictures)
    assert [score.llr for score in ours] == pytest.approx([score.llr for score in theirs], abs=1e-3)
    assert np.ptp([score.llr for score in ours]) > 0.1


def test_card_says_what_a_reader_is_owed():
    card = read_card()
    document = card.document
    assert document["training"]["sources"]
    assert all(source["terms"] and source["synthetic"] + source["not_synthetic"] for source in document["training"]["sources"])
    assert document["model"]["backbone"]["licence"] == "MIT"
    assert {point.name for point in card.operating_points} == {"fpr-5%", "fpr-1%"}
    assert document["not_certifiable"] == ["not certifiable (n = 1983): a false-positive rate of 0.001"]
    for point in document["operating_points"]:
        low, high = point["fpr_interval"]
        assert low < point["fpr"] <= point["target_fpr"] < high
        assert sum(source["n"] for source in point["sources"]) == point["n_real"]
    evaluation = document["evaluation"]
    assert evaluation["macro_auc"] == pytest.approx(np.mean([line["auc"] for line in evaluation["generators"]]))
    assert evaluation["min_auc"] == min(line["auc"] for line in evaluation["generators"])
    json.dumps(document)
