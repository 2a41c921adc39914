"""Hooks into generators: pipelines from which only stamped images come.

torch and diffusers are imported when a pipeline is first used, so that this package imports on the light runtime.
"""

from provenance.pipelines.diffusers import StampedPipeline, stamped
from provenance.pipelines.generation import GenerationRequest, generate
from provenance.pipelines.local_model import load_pipeline
from provenance.pipelines.pending import PendingImages
from provenance.pipelines.stamped_images import StampedImage, StampedImages

__all__ = [
    "GenerationRequest",
    "PendingImages",
    "StampedImage",
    "StampedImages",
    "StampedPipeline",
    "generate",
    "load_pipeline",
    "stamped",
]
