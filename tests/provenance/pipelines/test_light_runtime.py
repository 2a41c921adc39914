"""Without torch and diffusers everything imports, and using it says what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROLOGUE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "diffusers", "transformers", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from pathlib import Path
from provenance.errors import PipelineError
from provenance.pipelines import GenerationRequest, load_pipeline, stamped
class Pipeline:
    components = {}
    def __call__(self, prompt=None): ...
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_request_is_checked_without_torch():
    assert run("print(GenerationRequest(prompt='x').count)") == "1\n"


@pytest.mark.parametrize("use", ["load_pipeline(Path('.'))", "stamped(Pipeline(), None)"])
def test_using_it_names_what_to_install(use):
    out = run(f"try:\n    {use}\nexcept PipelineError as err:\n    print(err.code, err)")
    assert out.startswith("pipeline.failed generating needs ")
    assert "assay[generate]" in out


def test_importing_the_package_does_not_import_torch():
    code = "import sys, provenance.pipelines; print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"


def test_public_names_are_these():
    import provenance.pipelines

    assert provenance.pipelines.__all__ == [
        "GenerationRequest",
        "PendingImages",
        "StampedImage",
        "StampedImages",
        "StampedPipeline",
        "generate",
        "load_pipeline",
        "stamped",
    ]
