"""A batch that is generated and being stamped: it comes out whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass

from provenance.asset import Asset
from provenance.errors import AssayError, PipelineError
from provenance.generation import GenerationRecord
from provenance.pipelines.stamped_images import StampedImages


@dataclass(frozen=True, slots=True)
class PendingImages:
    """Stamps being struck in the background; `result` waits for them."""

    futures: tuple[Future[Asset], ...]
    records: tuple[GenerationRecord, ...]
    nsfw_content_detected: tuple[bool, ...] | None
    reports_safety: bool
    """Whether the pipeline's output has a field for its safety checker at all."""

    def done(self) -> bool:
        """Whether `result` would return or raise without waiting."""
        return all(future.done() for future in self.futures)

    def wait(self) -> None:
        """Return when nothing of the batch is being worked on any more, however it went."""
        wait(self.futures)

    def result(self, timeout_s: float | None = None) -> StampedImages:
        """The stamped batch.

        Raises:
            AssayError: One image could not be stamped; none of the batch leaves.
            TimeoutError: It takes longer than `timeout_s`; ask again later.
        """
        finished, unfinished = wait(self.futures, timeout_s, FIRST_EXCEPTION)
        failures = _failures([future for future in self.futures if future in finished])
        if failures:
            for future in unfinished:
                future.cancel()
            raise failures[0]
        if unfinished:
            raise TimeoutError(f"{len(unfinished)} of {len(self.futures)} images are not stamped after {timeout_s} s")
        return StampedImages(tuple(future.result() for future in self.futures), self.records, self.nsfw_content_detected)


def _failures(finished: Sequence[Future[Asset]]) -> list[BaseException]:
    """What went wrong; a cancelled stamp is the consequence of another's failure, or of closing the pipeline."""
    failures: list[BaseException] = []
    for future in finished:
        if future.cancelled():
            failures.append(PipelineError("the pipeline was closed before this batch was stamped"))
        elif (err := future.exception()) is not None:
            failures.append(_translated(err))
    return failures


def _translated(err: BaseException) -> BaseException:
    if isinstance(err, AssayError):
        return err
    translated = PipelineError(f"an image could not be stamped: {type(err).__name__}: {err}")
    translated.__cause__ = err
    return translated
