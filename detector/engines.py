"""What runs a model: one small interface, ONNX Runtime or torch behind it, one weights file for both."""

from __future__ import annotations

import ctypes
import sys
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.cards import Card, verified_weights
from provenance.errors import DetectorError, WeightsUnreadable

EngineName: TypeAlias = Literal["auto", "onnxruntime", "torch"]
MAX_BATCH = 8
"""Views in one call of a model on a CPU: what a call holds in memory grows with them."""


class Engine(Protocol):
    """Logits from ready tensors; nothing else differs between engines."""

    @property
    def name(self) -> str:
        """Engine and device, such as "onnxruntime-cpu"."""
        ...

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """One logit per view, shape (N,).

        Args:
            images: Normalised views, shape (N, 3, S, S), N at least 1.
        """
        ...


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, in float32."""

    def __init__(self, weights: bytes, *, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        # Planned memory sums over what never lives together here: 314 MB resident instead of 238, measured.
        options.enable_mem_pattern = False
        try:
            self.session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        except Exception as err:  # ONNX Runtime's exceptions share no base class of their own
            raise WeightsUnreadable(f"ONNX Runtime could not load the weights: {err}") from err

    @property
    def name(self) -> str:
        """Engine and device."""
        return "onnxruntime-cpu"

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """One logit per view, shape (N,), from normalised views, shape (N, 3, S, S)."""
        starts = range(0, len(images), MAX_BATCH)
        parts = [self.session.run(["logits"], {"images": images[start : start + MAX_BATCH]})[0] for start in starts]
        return np.concatenate(parts).astype(np.float64)


def open_engine(card: Card, engine: EngineName = "auto", *, threads: int | None = None) -> Engine:
    """The engine for a card's weights; `auto` takes torch when it can use a CUDA device and ONNX Runtime otherwise.

    Args:
        card: Whose weights; their digest is checked first.
        engine: Which engine.
        threads: CPU threads; none leaves it to the engine.

    Raises:
        WeightsUnreadable: The weights cannot be read or are no model.
        WeightsMismatch: The weights are not those of the card.
        DetectorError: The engine is not installed, or there is none of that name.
    """
    weights = verified_weights(card)
    if engine == "auto":
        engine = "torch" if _cuda_usable() else "onnxruntime"
    if engine == "onnxruntime":
        return OnnxRuntimeEngine(weights, threads=threads)
    if engine == "torch":
        try:
            from detector.engine_torch import TorchEngine
        except ImportError as err:
            raise DetectorError(f"the torch engine needs the extra 'gpu': {err}") from err
        return TorchEngine(card, weights, threads=threads)
    raise DetectorError(f"no engine is called {engine!r}; there are auto, onnxruntime and torch")


def _cuda_usable() -> bool:
    """Whether torch, timm and onnx are here and a CUDA device with them; torch is imported only where a driver is."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("torch", "timm", "onnx")):
        return False
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False  # importing torch to hear the same would cost more memory than the model
    import torch

    return torch.cuda.is_available()
