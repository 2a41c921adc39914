"""The backbone in torch: a timm vision transformer, its matrices quantised as they ship, and what its blocks say.

For training and for the torch engine. Imports torch and timm; the light runtime never gets here.

Source: Koutlis and Papadopoulos, RINE, ECCV 2024 (class tokens of all blocks carry more than the last one).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import timm
import torch
from safetensors.torch import load_file

from detector.models.quantised import quantise
from provenance.errors import WeightsUnreadable

Tower: TypeAlias = Any
"""A timm vision transformer: a `torch.nn.Module` whose attributes timm does not type."""

STATISTICS = ("class", "mean", "deviation")
"""What is kept of each block: its class token, and mean and standard deviation of its patch tokens over the patches."""


def build_tower(architecture: str, weights: Path) -> Tower:
    """A timm vision transformer without head, in float32, computing with the weights as they will ship.

    Raises:
        WeightsUnreadable: The file is missing, is no safetensors file, or does not fit `architecture`.
    """
    model = timm.create_model(architecture, pretrained=False, num_classes=0)
    try:
        state = {name: tensor.float() for name, tensor in load_file(weights).items() if not name.startswith("head.")}
        state = {name: _as_shipped(name, tensor) for name, tensor in state.items()}
        model.load_state_dict(state, strict=True)
    except (OSError, ValueError, RuntimeError) as err:
        raise WeightsUnreadable(f"could not load {weights} into {architecture}: {err}") from err
    return model.eval().requires_grad_(False)


def is_matrix(name: str, tensor: torch.Tensor) -> bool:
    """Whether a parameter is one of the large matrices that are stored as int8."""
    return name.startswith("blocks.") and name.endswith(".weight") and tensor.ndim == 2


def block_features(model: Tower, images: torch.Tensor) -> torch.Tensor:
    """What every block says of every image.

    Args:
        model: As `build_tower` returns, in any floating type.
        images: Shape (N, 3, S, S), normalised, of the model's type.

    Returns:
        float32, shape (N, blocks, len(STATISTICS), width), before the final norm.
    """
    tokens = model.patch_embed(images)
    tokens = model.norm_pre(model._pos_embed(tokens))
    found = []
    for block in model.blocks:
        tokens = block(tokens)
        patches = tokens[:, 1:].float()
        found.append(torch.stack((tokens[:, 0].float(), patches.mean(1), patches.std(1, correction=0)), 1))
    return torch.stack(found, 1)


def fold_quick_gelu(model: Tower) -> None:
    """Rewrite QuickGELU as SiLU with scaled neighbours: equal in exact arithmetic, and a fifth less time in bfloat16.

    x * sigmoid(a x) = silu(a x) / a; a goes into the layer before, 1 / a into the layer after.
    """
    slope = 1.702
    for block in model.blocks:
        block.mlp.fc1.weight.mul_(slope)
        block.mlp.fc1.bias.mul_(slope)
        block.mlp.fc2.weight.div_(slope)
        block.mlp.act = torch.nn.SiLU(inplace=True)


def _as_shipped(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not is_matrix(name, tensor):
        return tensor
    return torch.from_numpy(quantise(tensor.numpy()).dequantised())
