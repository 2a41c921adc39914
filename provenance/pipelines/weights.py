"""Which weights made an image: one SHA-256 over all of a pipeline's networks, and its active adapters.

A network that was loaded from a folder is named by the digests of that folder's safetensors files, one that only exists in
memory by its tensors. Weights that were changed in memory after loading from a folder are not noticed: hand in `model_sha256`
then. Reading runs at the disk's or SHA-256's speed (seconds for a large model), so that the caller does it once per pipeline.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

from provenance.errors import PipelineError
from provenance.generation import Adapter
from provenance.pipelines.libraries import Foreign, torch


def weights_sha256(networks: Mapping[str, Foreign]) -> str | None:
    """SHA-256 over `networks` (component name to torch module), lower-case hexadecimal; None when there is none.

    Hashed are lines `name NUL digest LF`, sorted: `unet/diffusion_pytorch_model.safetensors` and the file's SHA-256, or
    `unet/state_dict` and the SHA-256 of its tensors.

    Raises:
        PipelineError: Weights are neither in files nor in memory (offloaded), or cannot be read.
    """
    lines: list[str] = []
    for name, network in networks.items():
        files = _files(network)
        lines += [f"{name}/{path.name}\0{_file_sha256(path)}\n" for path in files]
        if not files:
            lines.append(f"{name}/state_dict\0{_tensors_sha256(_base_tensors(network))}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest() if lines else None


def networks_of(pipeline: Foreign) -> dict[str, Foreign]:
    """The torch modules among a pipeline's components, by name."""
    module = torch().nn.Module
    components: Mapping[str, Foreign] = getattr(pipeline, "components", {})
    return {name: part for name, part in components.items() if isinstance(part, module)}


def active_adapters(pipeline: Foreign) -> tuple[Adapter, ...]:
    """Adapters in force, in order: active ones with weight and digest, then those merged into the weights."""
    merged = [Adapter(name=f"{name} (merged)") for name in sorted(getattr(pipeline, "fused_loras", ()))]
    # Walking the thousands of layers of a large network takes tens of milliseconds, so only where peft left its mark.
    networks = {name: network for name, network in networks_of(pipeline).items() if getattr(network, "peft_config", None)}
    names: dict[str, None] = {}
    for network in networks.values():
        for layer in network.modules():
            if hasattr(layer, "lora_alpha") and not getattr(layer, "disable_adapters", False):
                names.update(dict.fromkeys(layer.active_adapters))
    return (*(_adapter(name, networks) for name in names), *merged)


def _adapter(name: str, networks: Mapping[str, Foreign]) -> Adapter:
    weights: set[float] = set()
    tensors: dict[str, Foreign] = {}
    for component, network in networks.items():
        for layer in network.modules():
            if name in getattr(layer, "lora_alpha", {}) and name in layer.active_adapters:
                rank = layer.r[name]
                native = layer.lora_alpha[name] / (math.sqrt(rank) if layer.use_rslora.get(name) else rank)
                weights.add(round(layer.scaling[name] / native, 6))
        found = network.state_dict().items()
        tensors |= {f"{component}.{key}": t for key, t in found if ".lora_" in key and f".{name}." in key}
    # One number only where all layers agree: block-wise weights have none.
    weight = weights.pop() if len(weights) == 1 else None
    return Adapter(name=name, weight=weight, sha256=_tensors_sha256(tensors) if tensors else None)


def _files(network: Foreign) -> list[Path]:
    folder = getattr(getattr(network, "config", None), "_name_or_path", None)
    return sorted(Path(folder).glob("*.safetensors")) if folder and Path(folder).is_dir() else []


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise PipelineError(f"could not read the weights in {path.name}: {err}") from err


def _base_tensors(network: Foreign) -> dict[str, Foreign]:
    """Tensors without adapters, under the names they have when there is none."""
    state = network.state_dict().items()
    return {key.replace(".base_layer.", "."): t for key, t in state if ".lora_" not in key}


def _tensors_sha256(tensors: Mapping[str, Foreign]) -> str:
    digest = hashlib.sha256()
    uint8 = torch().uint8
    for name in sorted(tensors):
        tensor = tensors[name]
        if tensor.is_meta:
            raise PipelineError(
                f"the weights are offloaded ({name} is not in memory), so they cannot be digested: give model_sha256"
            )
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\n".encode())
        # Bytes, because NumPy has no bfloat16.
        digest.update(tensor.detach().to("cpu").contiguous().reshape(-1).view(uint8).numpy().data)
    return digest.hexdigest()
