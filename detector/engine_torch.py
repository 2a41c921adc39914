"""The torch engine: the same weights file, read into timm's model. CUDA when there is one, the CPU in float32 otherwise.

On CUDA it runs under bfloat16 autocast in channels_last, and `exact=True` gives float32 back: bfloat16 moves an LLR by
0.03 (standard deviation over 64 images, 0.10 at most; measured on a CPU). Needs the extra `gpu`.
"""

from __future__ import annotations

import re

import numpy as np
import onnx
import timm
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from detector.cards import Card
from detector.models.graph import parameters
from detector.models.tower import STATISTICS, Tower, block_features
from provenance.errors import WeightsUnreadable

_BATCH = {"cpu": 8, "cuda": 64}
_BLOCK = re.compile(r"blocks\.(\d+)\.")


class TorchEngine:
    """timm's vision transformer with the card's probe."""

    def __init__(self, card: Card, weights: bytes, *, threads: int | None = None, exact: bool = False) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._autocast = self._device.type == "cuda" and not exact
        try:
            state = {name: torch.from_numpy(value.copy()) for name, value in parameters(onnx.load_from_string(weights)).items()}
            probe, bias = state.pop("probe.weight")[:, 0], state.pop("probe.bias")
            blocks = 1 + max(int(found[1]) for found in map(_BLOCK.match, state) if found)
            layout = card.document["model"]
            model: Tower = timm.create_model(card.architecture, pretrained=False, num_classes=0, **layout.get("options", {}))
            model.blocks = model.blocks[:blocks]
            fits = model.load_state_dict(_without_constants(state), strict=False)
            if [name for name in fits.missing_keys if not name.startswith(("norm.", "fc_norm."))] or fits.unexpected_keys:
                raise ValueError(f"missing {fits.missing_keys}, unexpected {fits.unexpected_keys}")
            self._blocks = [int(block) for block in layout["probe"]["blocks"]]
            self._statistics = [STATISTICS.index(name) for name in layout["probe"]["statistics"]]
            model = model.eval().requires_grad_(False).to(self._device)
        except (ValueError, KeyError, RuntimeError, DecodeError) as err:
            raise WeightsUnreadable(f"torch could not load the weights of {card.detector_name}: {err}") from err
        self._model = model.to(memory_format=torch.channels_last) if self._device.type == "cuda" else model
        self._probe, self._bias = probe.to(self._device), bias.to(self._device)

    @property
    def name(self) -> str:
        """Engine and device."""
        return f"torch-{self._device.type}"

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """One logit per view, shape (N,), from normalised views, shape (N, 3, S, S)."""
        batches = torch.split(torch.from_numpy(images), _BATCH[self._device.type])
        return np.concatenate([self._scored(batch) for batch in batches])

    def _scored(self, images: torch.Tensor) -> NDArray[np.float64]:
        images = images.to(self._device)
        if self._device.type == "cuda":
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast):
            features = block_features(self._model, images)
        # The probe sums thousands of terms: always in float32, outside autocast.
        chosen = features[:, self._blocks][:, :, self._statistics].flatten(1)
        scored: NDArray[np.float64] = (chosen @ self._probe + self._bias).double().cpu().numpy()
        return scored


def _without_constants(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name not in ("quick_gelu.slope", "attention.scale")}
