"""Tiny pipelines and stampers; what needs torch and diffusers skips with the reason where they are missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from provenance.keys import create_development_credential, signer_from_uri
from provenance.pipelines import StampedPipeline, stamped
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.trust.store import TrustStore
from tests import tiny_pipelines
from tests.fakes import FakeStamper

Wrap = Callable[..., StampedPipeline]

KINDS: dict[str, Callable[[], Any]] = {
    "sd15": tiny_pipelines.sd15,
    "sdxl": tiny_pipelines.sdxl,
    "image_to_image": tiny_pipelines.image_to_image,
    "inpainting": tiny_pipelines.inpainting,
    "upscaler": tiny_pipelines.upscaler,
}


@pytest.fixture(scope="package")
def libraries() -> Iterator[None]:
    for name in ("torch", "diffusers", "transformers"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what third parties deprecate while being imported
            pytest.importorskip(name, reason=f"needs {name}: pip install 'assay[generate]'")
    import torch

    # Networks this small are slower on several threads, which wait for each other most of the time.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def tiny(libraries: None) -> Callable[[str], Any]:
    """Builds a raw tiny pipeline by kind, each once: they hold no state that a test could leave behind but adapters."""
    built: dict[str, Any] = {}

    def build(kind: str) -> Any:
        if kind not in built:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*scaling_factor", category=FutureWarning)
                built[kind] = KINDS[kind]()
        return built[kind]

    return build


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a development credential."""
    home = tmp_path_factory.mktemp("home")
    create_development_credential(home, now=datetime.now(UTC))
    return home


@pytest.fixture(scope="package")
def stamper(home: Path) -> Stamper:
    """The real stamper."""
    return Stamper(signer_from_uri("development:", home=home))


@pytest.fixture(scope="package")
def examiner(home: Path) -> C2paExaminer:
    """Reads as this installation does, its development credential among the anchors."""
    return C2paExaminer(TrustStore.load(home))


@pytest.fixture
def wrap() -> Iterator[Wrap]:
    """`stamped`, with a fake stamper where none is given; closed at the end."""
    with ExitStack() as stack:

        def wrapped(pipeline: Any, stamper: Any = None, **options: Any) -> StampedPipeline:
            return stack.enter_context(stamped(pipeline, stamper or FakeStamper(), **options))

        yield wrapped


@pytest.fixture(scope="package")
def model_directory(tiny: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SD 1.5 as a model directory; copy it before breaking it."""
    return tiny_pipelines.save(tiny_pipelines.sd15(), tmp_path_factory.mktemp("models") / "tiny-fox")


def picture(seed: int = 0, *, side: int = tiny_pipelines.SIZE) -> Image.Image:
    """An RGB picture of noise in coarse blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks.repeat(8, axis=0).repeat(8, axis=1))
