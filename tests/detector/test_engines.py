"""Both engines read one weights file; neither may add anything of its own."""

import numpy as np
import pytest
import torch

from detector.cards import read_card
from detector.engines import OnnxRuntimeEngine, open_engine
from detector.models.quantised import quantise
from detector.models.tower import block_features, fold_quick_gelu
from provenance.errors import DetectorError, WeightsMismatch, WeightsUnreadable
from tests.detector.tiny import tiny_tower, write_tiny_detector


@pytest.fixture
def card(tmp_path):
    return read_card(write_tiny_detector(tmp_path))


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(0, 1, (11, 3, 32, 32)).astype(np.float32)


def test_engines_agree(card, images):
    first, second = (open_engine(card, name, threads=1).logits(images) for name in ("onnxruntime", "torch"))
    assert first.shape == (11,)
    assert np.ptp(first) > 0.01
    assert first == pytest.approx(second, abs=1e-5)


def test_a_view_scores_the_same_alone_and_in_a_batch(card, images):
    engine = open_engine(card, "onnxruntime", threads=1)
    assert engine.logits(images)[9] == pytest.approx(engine.logits(images[9:10])[0], abs=1e-5)


def test_scores_repeat_exactly(card, images):
    engine = open_engine(card, "onnxruntime", threads=1)
    assert (engine.logits(images) == engine.logits(images)).all()


def test_auto_takes_onnxruntime_where_there_is_no_cuda(card, monkeypatch):
    monkeypatch.setattr("detector.engines._cuda_usable", lambda: False)
    assert open_engine(card, "auto").name == "onnxruntime-cpu"


def test_an_unknown_engine_is_refused(card):
    with pytest.raises(DetectorError, match="no engine is called 'jax'"):
        open_engine(card, "jax")


def test_one_flipped_bit_in_the_weights_is_refused(card):
    data = bytearray(card.weights.read_bytes())
    data[1000] ^= 1
    card.weights.write_bytes(bytes(data))
    with pytest.raises(WeightsMismatch, match=card.weights_sha256):
        open_engine(card)


def test_missing_weights_are_a_clear_error(card):
    card.weights.unlink()
    with pytest.raises(WeightsUnreadable, match=r"model\.onnx"):
        open_engine(card)


def test_weights_that_are_no_model_are_a_clear_error():
    with pytest.raises(WeightsUnreadable, match="could not load"):
        OnnxRuntimeEngine(b"not a model")


def test_quantised_matrix_is_off_by_half_a_step_at_most():
    matrix = np.random.default_rng(0).normal(0, 1, (5, 64)).astype(np.float32)
    matrix[3] = 0
    stored = quantise(matrix)
    assert stored.values.dtype == np.int8
    assert (np.abs(stored.dequantised() - matrix) <= stored.scale[:, None] * 0.5001).all()
    again = quantise(stored.dequantised())
    assert (again.values == stored.values).all()


def test_folding_quick_gelu_changes_nothing():
    tower, folded = tiny_tower(), tiny_tower().requires_grad_(False)
    fold_quick_gelu(folded)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(block_features(tower, images), block_features(folded, images), atol=1e-5)
