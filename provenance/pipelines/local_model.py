"""Load a model directory of diffusers from the disk: no network, no pickles, no code of the model's own.

Everything is checked before the first weight is read, so that each way of being unusable has its own sentence. Weights are
bfloat16 on a GPU that has it, else float16; float32 on the CPU.

Source: diffusers 0.42, `DiffusionPipeline.from_pretrained`; the safetensors format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

from provenance.errors import AssayError, ModelUnusable, PipelineError
from provenance.pipelines.libraries import Foreign, diffusers, safetensors, torch, transformers

Device: TypeAlias = Literal["auto", "cuda", "cpu"]
"""`auto` is the GPU when there is one."""

_PICKLES: Final = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle"})
_WEIGHTS: Final = re.compile(r"(model|diffusion_pytorch_model)(\.(?P<variant>\w+))?(-\d+-of-\d+)?\.safetensors")
_LIBRARIES: Final = {"diffusers": diffusers, "transformers": transformers}


def load_pipeline(directory: Path, *, device: Device = "auto") -> Foreign:
    """The pipeline of a local model directory, ready to be given to `stamped`.

    Raises:
        ModelUnusable: `directory` is no model directory, weights are missing or corrupt, or exist as pickles only, or the model
            wants to run code of its own.
        PipelineError: torch or diffusers is missing, or "cuda" is asked for where there is none.
    """
    library = diffusers()
    networks = _networks(directory, library)
    for name in networks:
        _check_weights(directory / name)
    target = _target(device)
    options = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False, "dtype": _dtype(target)}
    try:
        with _without_progress_bars():
            loaded = {name: _network(directory / name, kind, options) for name, kind in networks.items()}
            pipeline = library.DiffusionPipeline.from_pretrained(str(directory), **options, **loaded)
    except AssayError:
        raise
    except Exception as err:  # diffusers, transformers, tokenizers and safetensors each raise their own
        raise ModelUnusable(f"{directory.name} does not load: {type(err).__name__}: {err}") from err
    pipeline.set_progress_bar_config(disable=True)
    try:
        return pipeline.to(target)
    except RuntimeError as err:
        raise PipelineError(f"{directory.name} does not fit on {target}: {err}") from err


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Loading draws bars on standard error, in the middle of whatever the caller draws there."""
    shown = [bars for library in (diffusers(), transformers()) if (bars := library.utils.logging).is_progress_bar_enabled()]
    for bars in shown:
        bars.disable_progress_bar()
    try:
        yield
    finally:
        for bars in shown:
            bars.enable_progress_bar()


def _network(folder: Path, kind: Foreign, options: dict[str, Foreign]) -> Foreign:
    """One network, all of whose weights came from its files: the libraries fill what is missing with noise and go on."""
    network, report = kind.from_pretrained(str(folder), output_loading_info=True, variant=_variant(folder), **options)
    if report["missing_keys"]:
        raise ModelUnusable(f"{folder.parent.name} lacks the weights {folder.name}/{min(report['missing_keys'])}")
    return network


def _variant(folder: Path) -> str | None:
    """The variant, such as "fp16", that is there when the plain weights are not."""
    found = {match["variant"] for path in folder.iterdir() if (match := _WEIGHTS.fullmatch(path.name))}
    return None if None in found or not found else str(min(found))


def _networks(directory: Path, library: Foreign) -> dict[str, Foreign]:
    """The networks among the components that a model directory lists, by name, each with its class."""
    index = directory / "model_index.json"
    if not index.is_file():
        raise ModelUnusable(f"{directory} is no model directory: it has no model_index.json")
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ModelUnusable(f"{index} cannot be read: {err}") from err
    name = listed.get("_class_name") if isinstance(listed, dict) else None
    kind = getattr(library, name, None) if isinstance(name, str) else None
    if not isinstance(kind, type) or not issubclass(kind, library.DiffusionPipeline):
        raise ModelUnusable(
            f"{directory.name} asks for the pipeline {name!r}, which diffusers {library.__version__} does not have"
        )
    pairs = {
        part: value for part, value in listed.items() if isinstance(value, list) and len(value) == 2 and value[0] is not None
    }
    for part in pairs:
        if not (directory / part).is_dir():
            raise ModelUnusable(f"{directory.name} lacks its component {part!r}")
    classes = {part: _class_of(directory, part, str(home), str(kind)) for part, (home, kind) in pairs.items()}
    return {part: found for part, found in classes.items() if isinstance(found, type) and issubclass(found, torch().nn.Module)}


def _class_of(directory: Path, part: str, home: str, kind: str) -> Foreign:
    """The class of a component; None for a name of old that only diffusers knows how to read, which no network has."""
    # Else a folder of diffusers.pipelines; any other name is a Python module of the model's own, which diffusers would import.
    library = _LIBRARIES[home]() if home in _LIBRARIES else getattr(diffusers().pipelines, home, None)
    if library is None:
        raise ModelUnusable(f"{directory.name} wants {part!r} from {home!r}: code that comes with a model is not run")
    return getattr(library, kind, None)


def _check_weights(folder: Path) -> None:
    """Refuse a network without its weights as sound safetensors files."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights and (pickles := sorted(p.name for p in folder.iterdir() if p.suffix in _PICKLES)):
        raise ModelUnusable(
            f"{folder.name}/{pickles[0]} is a pickle, which runs code when it is read: convert it to safetensors"
        )
    if not weights:
        raise ModelUnusable(f"{folder.parent.name} lacks the weights of {folder.name!r}: no safetensors file")
    for listing in folder.glob("*.safetensors.index.json"):
        missing = _shards(listing) - {path.name for path in weights}
        if missing:
            raise ModelUnusable(f"{folder.parent.name} lacks the weights {folder.name}/{min(missing)}")
    for path in weights:
        try:
            with safetensors().safe_open(str(path), framework="np") as file:
                file.keys()
        except Exception as err:  # SafetensorError is raised by Rust and is no subclass of anything nearer
            raise ModelUnusable(f"{folder.name}/{path.name} is no sound safetensors file: {err}") from err


def _shards(listing: Path) -> set[str]:
    try:
        return set(json.loads(listing.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise ModelUnusable(f"{listing.parent.name}/{listing.name} cannot be read: {err}") from err


def _target(device: Device) -> str:
    available = torch().cuda.is_available()
    if device == "cuda" and not available:
        raise PipelineError("a GPU is asked for, and torch sees none")
    return "cuda" if device != "cpu" and available else "cpu"


def _dtype(target: str) -> Foreign:
    if target == "cpu":
        return torch().float32
    return torch().bfloat16 if torch().cuda.is_bf16_supported() else torch().float16
