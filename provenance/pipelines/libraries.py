"""torch and diffusers, imported when a pipeline is first used and never before.

The light runtime has neither: everything in `provenance.pipelines` imports without them, and says what is missing when it is
used.
"""

from __future__ import annotations

import importlib
from typing import Any, TypeAlias

from provenance.errors import PipelineError

Foreign: TypeAlias = Any
"""A module or an object of torch or diffusers, or what a caller hands them: without them installed, types cannot be checked."""


def torch() -> Foreign:
    """The torch module.

    Raises:
        PipelineError: It is not installed, or does not import.
    """
    return _imported("torch")


def diffusers() -> Foreign:
    """The diffusers module.

    Raises:
        PipelineError: It is not installed, or does not import.
    """
    return _imported("diffusers")


def transformers() -> Foreign:
    """The transformers module.

    Raises:
        PipelineError: It is not installed, or does not import.
    """
    return _imported("transformers")


def safetensors() -> Foreign:
    """The safetensors module.

    Raises:
        PipelineError: It is not installed, or does not import.
    """
    return _imported("safetensors")


def _imported(name: str) -> Foreign:
    try:
        return importlib.import_module(name)
    except ImportError as err:
        raise PipelineError(
            f"generating needs {name}, which does not import here ({err}): pip install 'assay[generate]'"
        ) from err
