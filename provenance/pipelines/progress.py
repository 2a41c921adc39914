"""Steps counted without anyone being handed latents: the pipeline's own callback slot, filled by a counter."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from provenance.pipelines.libraries import Foreign

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


class StepCounter:
    """Turns a pipeline's step callbacks into calls of `progress`."""

    def __init__(self, pipeline: Foreign, progress: Progress | None) -> None:
        self._pipeline = pipeline
        self._progress = progress
        self.raised: BaseException | None = None
        """What `progress` raised, which ended the call."""

    def arguments(self, names: Collection[str]) -> dict[str, Foreign]:
        """Arguments that make the pipeline count, of those it takes; none when nobody listens."""
        if self._progress is None:
            return {}
        if "callback_on_step_end" in names:
            wanted: dict[str, Foreign] = (
                {"callback_on_step_end_tensor_inputs": []} if "callback_on_step_end_tensor_inputs" in names else {}
            )
            return {"callback_on_step_end": self._on_step_end, **wanted}
        if {"callback", "callback_steps"} <= set(names):  # the older slot, for example of the Stable Diffusion upscaler
            return {"callback": self._on_step, "callback_steps": 1}
        return {}

    def _on_step_end(
        self, _pipeline: Foreign, step: int, _timestep: Foreign, tensors: dict[str, Foreign]
    ) -> dict[str, Foreign]:
        self._count(step + 1)
        return tensors

    def _on_step(self, step: int, _timestep: Foreign, _latents: Foreign) -> None:
        self._count(step + 1)

    def _count(self, done: int) -> None:
        if self._progress is None:
            return
        total = getattr(self._pipeline, "_num_timesteps", None) or len(self._pipeline.scheduler.timesteps)
        try:
            self._progress(done, max(done, int(total)))
        except BaseException as err:
            self.raised = err
            raise
