"""Strike the mark: pixels and what made them in, a stamped asset out.

The order is fixed: encode once with EXIF, XMP and PNG text, sign the C2PA manifest last, then read the file back the way
anyone else would. If any step fails, no image leaves.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from cryptography.hazmat.primitives import serialization

from provenance.asset import Asset
from provenance.digital_source_type import Extent, synthetic_extent
from provenance.errors import AssetUnsupported, ExaminerError, NotTrusted, RecordInvalid, StampUnverified
from provenance.evidence import Evidence, StatusEvidence, Tier, declarations, failure_codes
from provenance.generation import GenerationRecord
from provenance.keys import Signer
from provenance.manifest import Software, manifest_for
from provenance.metadata import declaration
from provenance.pixels import PixelArray
from provenance.reader import C2paExaminer
from provenance.signing import ManifestSigner
from provenance.status_codes import CONTENT_EXCLUDED, MANIFEST_ABSENT, MANIFEST_REMOTE, MISMATCHES
from provenance.trust import TrustList, TrustPurpose, TrustStore
from provenance.verdict import ProvenanceState, provenance_state, require_trusted

SOFTWARE: Final = Software("Assay", version("assay"))
STAMPABLE_MEDIA_TYPES: Final = frozenset(declaration.MEDIA_TYPES)
"""Formats that take both a declaration in their own metadata and a manifest."""


def _now() -> datetime:
    return datetime.now(UTC)


class Stamper:
    """Stamps images with one signer; safe to share between threads and to build before a fork."""

    def __init__(self, signer: Signer, *, clock: Callable[[], datetime] = _now) -> None:
        """Stamp with `signer`.

        Args:
            signer: Who signs.
            clock: Current time, with a time zone; asked before every signature.

        Raises:
            CredentialExpired: The credential is not valid now.
        """
        self._signer = signer
        self._clock = clock
        signer.credential.require_current(clock())
        self._manifests = ManifestSigner(signer)
        self._reader = C2paExaminer(_own_trust(signer))

    @property
    def signer(self) -> Signer:
        """Who signs."""
        return self._signer

    def stamp(self, pixels: PixelArray, record: GenerationRecord, *, media_type: str = "image/png") -> Asset:
        """Encode `pixels` once, declare `record` in every layer and sign.

        Args:
            pixels: RGB, shape (height, width, 3), 0 to 255.
            record: What made them.
            media_type: How to encode them, one of `STAMPABLE_MEDIA_TYPES`.

        Raises:
            AssetUnsupported: `media_type` cannot carry a mark.
            RecordInvalid: A parent was altered after it was signed.
            ExaminerError: A parent's structure cannot be read.
            SigningError: Nothing could be signed.
            StampUnverified: The result does not read back as declared.
        """
        _require_stampable(media_type)
        self._signer.credential.require_current(self._clock())
        record = self._with_parents_judged(record)
        instance_id = _new_instance_id()
        encoded = declaration.encode(
            pixels, record, media_type=media_type, instance_id=instance_id, software=f"{SOFTWARE.name} {SOFTWARE.version}"
        )
        return self._sign(encoded, record, instance_id)

    def stamp_asset(self, asset: Asset, record: GenerationRecord) -> Asset:
        """Declare `record` on an image that is encoded already, leaving its pixels as they are.

        An asset that carries a manifest is taken as the parent of the new one, so that what was declared before is kept.

        Raises:
            AssetUnsupported: The format cannot carry a mark.
            RecordInvalid: The asset, or a parent, was altered after it was signed.
            ExaminerError: The structure of the asset, or of a parent, cannot be read.
            ManifestError: The manifest it carries is malformed and cannot be kept.
            SigningError: Nothing could be signed.
            StampUnverified: The result does not read back as declared.
        """
        _require_stampable(asset.media_type)
        self._signer.credential.require_current(self._clock())
        if asset not in record.parents and _carries_manifest(self._reader.examine(asset)):
            record = replace(record, parents=(asset, *record.parents))
        record = self._with_parents_judged(record)
        instance_id = _new_instance_id()
        declared = declaration.write(
            declaration.without_manifest(asset),
            record,
            instance_id=instance_id,
            software=f"{SOFTWARE.name} {SOFTWARE.version}",
        )
        return self._sign(declared, record, instance_id)

    def _with_parents_judged(self, record: GenerationRecord) -> GenerationRecord:
        """The record, knowing whether its parents are wholly generated; an altered one would be laundered and is refused."""
        synthetic = []
        for parent in record.parents:
            evidence = self._reader.examine(parent)
            broken = failure_codes(evidence) & (MISMATCHES | {CONTENT_EXCLUDED})
            if broken:
                found = ", ".join(sorted(broken))
                raise RecordInvalid(f"parent {parent.sha256[:12]} was altered after it was signed: {found}")
            intact = provenance_state(evidence) in (ProvenanceState.TRUSTED, ProvenanceState.UNKNOWN_SIGNER)
            extents = {synthetic_extent(d.digital_source_type) for d in declarations(evidence)}
            synthetic.append(intact and extents == {Extent.FULL})
        return replace(record, parents_synthetic=bool(synthetic) and all(synthetic))

    def _sign(self, declared: Asset, record: GenerationRecord, instance_id: str) -> Asset:
        manifest = manifest_for(record, media_type=declared.media_type, instance_id=instance_id, software=SOFTWARE)
        stamped = self._manifests.sign(declared, manifest)
        self._verify(stamped, record)
        return stamped

    def _verify(self, stamped: Asset, record: GenerationRecord) -> None:
        try:
            evidence = self._reader.examine(stamped)
            require_trusted(evidence)
        except (ExaminerError, NotTrusted) as err:
            raise StampUnverified(f"the stamped {stamped.media_type} does not read back: {err}") from err
        wanted = synthetic_extent(record.digital_source_type)
        if wanted not in {synthetic_extent(d.digital_source_type) for d in declarations(evidence)}:
            raise StampUnverified(f"the stamped {stamped.media_type} does not declare {record.digital_source_type}")


def _own_trust(signer: Signer) -> TrustStore:
    """Trust in this signer's own last certificate, to ask of a fresh stamp whether it holds together."""
    anchor = signer.credential.certificates[-1].public_bytes(serialization.Encoding.PEM)
    if len(signer.credential.certificates) == 1:
        return TrustStore((TrustList("own", TrustPurpose.SIGNERS, Tier.CURRENT, b"", allowed_pem=anchor),))
    return TrustStore((TrustList("own", TrustPurpose.SIGNERS, Tier.CURRENT, anchor),))


def _carries_manifest(evidence: Sequence[Evidence]) -> bool:
    return any(isinstance(e, StatusEvidence) and e.code not in (MANIFEST_ABSENT, MANIFEST_REMOTE) for e in evidence)


def _require_stampable(media_type: str) -> None:
    if media_type not in STAMPABLE_MEDIA_TYPES:
        raise AssetUnsupported(f"{media_type} is not stamped here; these are: {', '.join(sorted(STAMPABLE_MEDIA_TYPES))}")


def _new_instance_id() -> str:
    return f"xmp.iid:{uuid.uuid4()}"
