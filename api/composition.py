"""Put the parts together from settings: who parses, who examines, who stamps, what generates.

The command line, the web and workers all ask here.

An examiner that cannot be built appears all the same and says why: a report in which it is missing would read as if nothing had
been found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from api.settings import Settings
from api.signers import network_schemes
from api.stamp_policy import prompt_rule, usage_wishes
from provenance.asset import Asset
from provenance.errors import AssayError, CredentialMissing, ExaminerError, ModelUnusable, SigningError, UsageInvalid
from provenance.evidence import C2PA_EXAMINER, Evidence, Examiner
from provenance.inspection import Report, inspect, public_reason
from provenance.isolation.examiners import IsolatedExaminer, gathered
from provenance.isolation.limits import Limits
from provenance.isolation.parsers import Parsers
from provenance.isolation.setup import EXAMINERS, Setup
from provenance.keys import Signer, signer_from_uri
from provenance.metadata.tdmrep import Reservation, TdmrepExaminer
from provenance.trust.revocation import Revocations
from provenance.trust.store import TrustStore
from provenance.verdict import VerdictPolicy

if TYPE_CHECKING:
    from api.fetching import Fetcher
    from provenance.derivation import Deriver
    from provenance.isolation.process import ParserProcess
    from provenance.pipelines.diffusers import ImageStamper, StampedPipeline
    from provenance.stamp import Stamper

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


def load_trust(settings: Settings) -> TrustStore:
    """The trust lists that are there, however old.

    Raises:
        TrustStoreError: One cannot be used.
    """
    return TrustStore.load(settings.home, settings.trust_files, shipped=settings.shipped_trust_lists)


def build_trust(settings: Settings, *, at: datetime | None = None) -> TrustStore:
    """The trust lists in force; those older than `trust_max_age_days` are warned of.

    Args:
        settings: Where lists are, and how old published ones may be.
        at: Time by which they are old; none: now.

    Raises:
        TrustListStale: A published list is older than `trust_stale_days`: refuse to start.
        TrustStoreError: One cannot be used: refuse to start.
    """
    at = at or datetime.now(UTC)
    store = load_trust(settings)
    if settings.trust_stale_days is not None:
        store.require_fresh(settings.trust_stale_days, at)
    for entry in store.older_than(settings.trust_max_age_days, at):
        logger.warning("trust list %s is %s days old; run `assay trust update`", entry.name, entry.age_days(at))
    return store


def build_setup(settings: Settings) -> Setup:
    """What parsers are built with, as it is on the disk now.

    Raises:
        TrustStoreError: A trust list cannot be used.
    """
    return Setup(EXAMINERS, build_trust(settings), Revocations.load(settings.home), max_pixels=settings.max_asset_pixels)


def build_parsers(settings: Settings, *, first: ParserProcess | None = None) -> Parsers:
    """The processes that parse untrusted bytes; none is started yet, and whoever asks for them closes them.

    Args:
        settings: Where trust lists are, and limits.
        first: A process that was started ahead.

    Raises:
        TrustStoreError: A trust list cannot be used.
    """
    limits = Limits(
        memory_bytes=settings.parser_memory_bytes,
        cpu_s=settings.parser_cpu_s,
        wall_s=settings.parser_wall_s,
        processes=settings.parser_processes,
        requests_per_process=settings.parser_requests,
    )
    return Parsers(build_setup(settings), limits, required=settings.isolation == "required", first=first)


def build_examiners(settings: Settings, parsers: Parsers, names: Sequence[str] | None = None) -> list[Examiner]:
    """Who looks at assets, in the order of their evidence.

    Args:
        settings: Limits.
        parsers: Where those work that parse bytes.
        names: Some of "c2pa", "marks", "detector"; none: all.

    Raises:
        UsageInvalid: There is no examiner of that name, or none is asked for.
    """
    known = (*parsers.names, DETECTOR)
    wanted = list(dict.fromkeys(known if names is None else names))
    unknown = sorted(set(wanted) - set(known))
    if unknown or not wanted:
        asked = ", ".join(unknown) or "none at all"
        raise UsageInvalid(f"no examiner of this name: {asked}; there are {', '.join(known)}")
    return [_detector(settings) if name == DETECTOR else IsolatedExaminer(name, parsers) for name in wanted]


def build_signer(settings: Settings) -> Signer:
    """Who holds the signing key.

    Raises:
        CredentialMissing: No signer is configured, or its key is not there.
        SigningError: The signer cannot be opened.
    """
    if settings.signer_uri is None:
        raise CredentialMissing("no signer is configured; set signer_uri")
    return _open(settings.signer_uri, settings)


def build_stamper(
    settings: Settings, signer: Signer | None = None, *, on_omission: Callable[[SigningError], None] | None = None
) -> Stamper:
    """Who stamps.

    Args:
        settings: Who signs, and what is declared.
        signer: The signer, open; none: the one `build_signer` opens.
        on_omission: Told why a stamp carries no time-stamp, where the settings let it go without.

    Raises:
        CredentialMissing: No signer is configured, or its key, or that of the prompt policy, is not there.
        UsageInvalid: What the settings wish of others makes no sense.
        SigningError: The signer, or the named actor's, cannot be used.
        TrustStoreError: Times are to be stamped, and no trust list says by whom.
    """
    from api.attachments import build_attachments
    from provenance.stamp import Stamper

    rule, wishes = prompt_rule(settings), usage_wishes(settings)
    signer = signer or build_signer(settings)
    actor = _open(settings.identity_signer_uri, settings) if settings.identity_signer_uri else None
    attached = build_attachments(settings, signer, actor, lambda: build_trust(settings), on_omission=on_omission)
    return Stamper(
        signer, prompts=rule, wishes=wishes, timestamps=attached.timestamps, status=attached.status, actor=attached.actor
    )


def build_deriver(settings: Settings, stamper: Stamper) -> Deriver:
    """Who makes derivatives, signed as `stamper` signs."""
    from provenance.derivation import Deriver

    return Deriver(stamper, max_pixels=settings.max_asset_pixels)


def build_generator(settings: Settings, stamper: ImageStamper, *, media_type: str = "image/png") -> StampedPipeline:
    """The generation pipeline, from which only stamped images come, encoded as `media_type`.

    Raises:
        PipelineError: No model is configured, it cannot be loaded, or the libraries for it are not installed.
    """
    if settings.model_dir is None:
        raise ModelUnusable("no model is configured; set model_dir")
    from provenance.pipelines.diffusers import stamped
    from provenance.pipelines.local_model import load_pipeline

    pipeline = load_pipeline(settings.model_dir, device=settings.generate_device)
    return stamped(pipeline, stamper, provider=settings.provider, media_type=media_type)


def remote_fetcher(settings: Settings) -> Fetcher | None:
    """Who fetches manifests that assets only point to; None where the operator has not asked for it."""
    if not settings.remote_manifests_enabled:
        return None
    from api.remote_manifests import manifest_fetcher

    return manifest_fetcher(timeout_s=settings.fetch_timeout_s, max_redirects=settings.fetch_max_redirects)


def policy() -> VerdictPolicy:
    """How evidence becomes a verdict."""
    return VerdictPolicy()


def versions(settings: Settings) -> Mapping[str, str]:
    """What takes part in an inspection beside examiners and policy: this program, its libraries, the trust lists.

    Raises:
        TrustStoreError: A trust list cannot be used.
    """
    libraries = {name: version(name) for name in ("assay", "c2pa-python", "pillow", "onnxruntime")}
    revoked = Revocations.load(settings.home).sha256
    own_list = {"trust:revoked": f"sha256:{revoked}"} if revoked else {}
    return {**libraries, **load_trust(settings).versions, **own_list}


def check(
    asset: Asset,
    examiners: Sequence[Examiner],
    verdict_policy: VerdictPolicy,
    *,
    parsers: Parsers,
    at: datetime,
    max_pixels: int,
    versions: Mapping[str, str] | None = None,
    sidecar: bytes | None = None,
    remote: Fetcher | None = None,
    reservation: Reservation | None = None,
) -> Report:
    """Check one asset: refuse a picture that is no single still within limits, then let everyone look.

    The header only is read before; what a decoder finds further in, an examiner reports. Of sounds and films, which nobody
    decodes here, the manifest and the metadata are all that is looked at. Nothing of the asset is parsed in this process.

    Args:
        asset: The asset.
        examiners: Who looks, as `build_examiners` gave them.
        verdict_policy: How evidence becomes a verdict.
        parsers: Who parses.
        at: The time.
        max_pixels: Limit of decoded pixels.
        versions: What else took part.
        sidecar: A manifest that came beside the asset, to be validated instead of an embedded one.
        remote: Who fetches the manifest that an asset only points to; none: nobody does.
        reservation: What the asset's server says of mining it; none: it was not asked.

    Raises:
        PixelsTooMany, AssetAnimated, AssetUnreadable: The header says so.
        IsolationUnavailable: There is no parser.
    """
    looking = gathered(asset, examiners, parsers, max_pixels=max_pixels, sidecar=sidecar)
    if remote is not None and sidecar is None:
        from api.remote_manifests import RemoteManifestExaminer

        def validate(store: bytes) -> Sequence[Evidence]:
            return parsers.look(asset, (C2PA_EXAMINER,), max_pixels=max_pixels, sidecar=store).evidence(C2PA_EXAMINER)

        looking = [RemoteManifestExaminer(e, validate, remote) if e.name == C2PA_EXAMINER else e for e in looking]
    if reservation is not None:
        looking = [*looking, TdmrepExaminer(reservation)]
    return inspect(asset, looking, verdict_policy, at=at, versions=versions)


def _open(uri: str, settings: Settings) -> Signer:
    return signer_from_uri(uri, home=settings.home, further=network_schemes(timeout_s=settings.signer_timeout_s))


def _detector(settings: Settings) -> Examiner:
    from detector.examiner import DetectorExaminer

    try:
        from detector.scoring import load_detector

        return DetectorExaminer(load_detector(), max_pixels=settings.max_asset_pixels)
    except (AssayError, ImportError) as err:
        code = err.code if isinstance(err, AssayError) else type(err).__name__
        logger.error("the detector is unavailable, and every report will say so: %s: %s", code, err)
        return UnavailableExaminer(DETECTOR, public_reason(err), code)
