"""Put the parts together from settings: who examines, who stamps, what generates.

The command line, the web and workers all ask here.

An examiner that cannot be built appears all the same and says why: a report in which it is missing would read as if nothing had
been found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from api.settings import Settings
from provenance.asset import Asset
from provenance.errors import AssayError, CredentialMissing, ExaminerError, ModelUnusable, UsageInvalid
from provenance.evidence import Evidence, Examiner
from provenance.inspection import Report, inspect, public_reason
from provenance.keys import signer_from_uri
from provenance.metadata.marks import MarksExaminer
from provenance.pixels import open_image
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.trust import TrustStore
from provenance.verdict import VerdictPolicy

if TYPE_CHECKING:
    from provenance.pipelines.diffusers import StampedPipeline

DETECTOR: Final = "detector"
"""Name under which the detector is asked for; its full name has the card and version."""

logger = logging.getLogger("assay.composition")


@dataclass(frozen=True, slots=True)
class UnavailableExaminer:
    """Stands for an examiner that could not be built, and says so of every asset."""

    name: str
    reason: str
    """For reports: no paths."""
    code: str = ExaminerError.code

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """Never evidence of its own.

        Raises:
            ExaminerError: Always, with the reason.
        """
        raise ExaminerError(self.reason)


def build_trust(settings: Settings) -> TrustStore:
    """The trust lists in force.

    Raises:
        TrustStoreError: One cannot be used: refuse to start.
    """
    return TrustStore.load(settings.home, settings.trust_files)


def build_examiners(settings: Settings, names: Sequence[str] | None = None, *, sidecar: bytes | None = None) -> list[Examiner]:
    """Who looks at assets, in the order of their evidence.

    Args:
        settings: Where trust lists are, and limits.
        names: Some of "c2pa", "marks", "detector"; none: all.
        sidecar: A manifest that came beside the asset.

    Raises:
        TrustStoreError: A trust list cannot be used.
        UsageInvalid: There is no examiner of that name, or none is asked for.
    """
    builders: dict[str, Callable[[], Examiner]] = {
        "c2pa": lambda: C2paExaminer(build_trust(settings), sidecar=sidecar),
        "marks": MarksExaminer,
        DETECTOR: lambda: _detector(settings),
    }
    wanted = list(dict.fromkeys(builders if names is None else names))
    unknown = sorted(set(wanted) - set(builders))
    if unknown or not wanted:
        asked = ", ".join(unknown) or "none at all"
        raise UsageInvalid(f"no examiner of this name: {asked}; there are {', '.join(builders)}")
    return [builders[name]() for name in wanted]


def build_stamper(settings: Settings) -> Stamper:
    """Who stamps.

    Raises:
        CredentialMissing: No signer is configured, or its key is not there.
        SigningError: The signer cannot be used.
    """
    if settings.signer_uri is None:
        raise CredentialMissing("no signer is configured; set signer_uri")
    return Stamper(signer_from_uri(settings.signer_uri, home=settings.home))


def build_generator(settings: Settings, stamper: Stamper, *, media_type: str = "image/png") -> StampedPipeline:
    """The generation pipeline, from which only stamped images come, encoded as `media_type`.

    Raises:
        PipelineError: No model is configured, it cannot be loaded, or the libraries for it are not installed.
    """
    if settings.model_dir is None:
        raise ModelUnusable("no model is configured; set model_dir")
    from provenance.pipelines.diffusers import stamped
    from provenance.pipelines.local_model import load_pipeline

    pipeline = load_pipeline(settings.model_dir, device=settings.generate_device)
    return stamped(pipeline, stamper, provider=settings.provider, media_type=media_type, keep_prompt=settings.keep_prompts)


def policy() -> VerdictPolicy:
    """How evidence becomes a verdict."""
    return VerdictPolicy()


def versions(settings: Settings) -> Mapping[str, str]:
    """What takes part in an inspection beside examiners and policy: this program, its libraries, the trust lists.

    Raises:
        TrustStoreError: A trust list cannot be used.
    """
    libraries = {name: version(name) for name in ("assay", "c2pa-python", "pillow", "onnxruntime")}
    return {**libraries, **build_trust(settings).versions}


def check(
    asset: Asset,
    examiners: Sequence[Examiner],
    verdict_policy: VerdictPolicy,
    *,
    at: datetime,
    max_pixels: int,
    versions: Mapping[str, str] | None = None,
) -> Report:
    """Check one asset: refuse what is no single still image within limits, then let everyone look.

    The header only is read before; what a decoder finds further in, an examiner reports.

    Raises:
        PixelsTooMany, AssetAnimated, AssetUnreadable: The header says so.
    """
    open_image(asset, max_pixels=max_pixels).close()
    return inspect(asset, examiners, verdict_policy, at=at, versions=versions)


def _detector(settings: Settings) -> Examiner:
    from detector.examiner import DetectorExaminer

    try:
        from detector.scoring import load_detector

        return DetectorExaminer(load_detector(), max_pixels=settings.max_asset_pixels)
    except (AssayError, ImportError) as err:
        code = err.code if isinstance(err, AssayError) else type(err).__name__
        logger.error("the detector is unavailable, and every report will say so: %s: %s", code, err)
        return UnavailableExaminer(DETECTOR, public_reason(err), code)
