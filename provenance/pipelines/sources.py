"""The pictures a generation starts from, as assets: they become the ingredients of what is made.

An `Asset` and a `StampedImage` keep their own bytes and so their own manifest. Anything else has pixels only, and is kept as a
lossless PNG of them.

Source: diffusers 0.42, `PipelineImageInput` (PIL, arrays of shape (H, W, C), tensors of shape (C, H, W), batches and lists of
those).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from provenance.asset import Asset
from provenance.errors import GenerationInvalid, PipelineRefused
from provenance.pipelines.libraries import Foreign
from provenance.pipelines.stamped_images import StampedImage
from provenance.pixels import decode


@dataclass(frozen=True, slots=True)
class Sources:
    """Source pictures, in order, each as the asset it came from."""

    argument: Foreign
    """What the pipeline is given in their place."""
    assets: tuple[Asset, ...]


def take(value: Foreign) -> Sources:
    """Read the source pictures in an argument of a pipeline.

    Raises:
        PipelineRefused: It holds latents: there are no pixels to record.
        GenerationInvalid: It is no picture.
        AssetError: An asset among them cannot be decoded.
    """
    if isinstance(value, Asset):
        return Sources(Image.fromarray(decode(value)), (value,))
    if isinstance(value, StampedImage) and not value.modified:
        return Sources(value, (value.asset,))
    if isinstance(value, Image.Image):
        return Sources(value, (_png(value),))
    if isinstance(value, list | tuple):
        parts = [take(item) for item in value]
        return Sources([part.argument for part in parts], tuple(asset for part in parts for asset in part.assets))
    if isinstance(value, np.ndarray):
        arrays = value if value.ndim == 4 else value[np.newaxis]
        return Sources(value, tuple(_png(_from_array(array)) for array in arrays))
    if hasattr(value, "detach"):
        arrays = value.detach().to("cpu").float().numpy()
        arrays = arrays if arrays.ndim == 4 else arrays[np.newaxis]
        if arrays.ndim != 4 or arrays.shape[1] not in (1, 3):
            raise PipelineRefused(
                f"a tensor of shape {tuple(value.shape)} is no picture: for latents name what they came from with parents="
            )
        return Sources(value, tuple(_png(_from_array(array.transpose(1, 2, 0))) for array in arrays))
    raise GenerationInvalid(f"a source picture may be an Asset, a PIL image, an array or a tensor, not {type(value).__name__}")


def steering(value: Foreign) -> tuple[Asset, ...]:
    """The pictures in an argument that only steers, as assets; none where it holds something else, such as embeddings."""
    try:
        return take(value).assets
    except (GenerationInvalid, PipelineRefused):
        return ()


def decoded(value: Foreign) -> Foreign:
    """`value` with every `Asset` in it (control maps, masks, reference pictures) as a PIL image, which pipelines take."""
    if isinstance(value, Asset):
        return Image.fromarray(decode(value))
    if isinstance(value, list | tuple) and any(isinstance(item, Asset) for item in value):
        return [decoded(item) for item in value]
    return value


def parents_of(index: int, assets: Sequence[Asset], *, count: int, prompts: int) -> tuple[Asset, ...]:
    """Which of `assets` the picture at `index` of `count` was made from.

    Raises:
        PipelineRefused: Pipelines differ in how they spread several pictures over several outputs, so that it is not certain.
    """
    if len(assets) <= 1 or count == 1:
        return tuple(assets)
    if len(assets) == count == prompts:
        return (assets[index],)
    raise PipelineRefused(
        f"which of {len(assets)} source pictures each of {count} outputs comes from is not certain: "
        "give one picture, or one prompt for each picture"
    )


def _from_array(array: Foreign) -> Image.Image:
    """Shape (H, W) or (H, W, C); numbers from 0 to 1, or from -1 to 1 when any is negative, as diffusers takes them."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PipelineRefused(f"an array of shape {array.shape} is no picture")
    if array.dtype == np.uint8:
        return Image.fromarray(array)
    scaled = (array + 1) / 2 if array.min() < 0 else array
    return Image.fromarray((np.nan_to_num(scaled).clip(0, 1) * 255).round().astype(np.uint8))


def _png(image: Image.Image) -> Asset:
    """Pixels only: text and profiles that came with the original could hold what was not to be kept."""
    lossless = image if image.mode in ("1", "L", "LA", "RGB", "RGBA") else image.convert("RGBA" if image.mode == "P" else "RGB")
    out = io.BytesIO()
    Image.frombytes(lossless.mode, lossless.size, lossless.tobytes()).save(out, "PNG", compress_level=1)
    return Asset.from_bytes(out.getvalue())
