"""Strike the mark: pixels and what made them in, a stamped asset out.

The order is fixed: encode once with EXIF, XMP and PNG text, sign the C2PA manifest last, then read the file back the way
anyone else would. If any step fails, no image leaves.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from cryptography.hazmat.primitives import serialization

from provenance.asset import TIMED_MEDIA_TYPES, Asset
from provenance.declared_extent import declared_extent
from provenance.digital_source_type import DigitalSourceType, Extent
from provenance.errors import AssetUnreadable, AssetUnsupported, ExaminerError, NotTrusted, RecordInvalid, StampUnverified
from provenance.evidence import (
    Evidence,
    Relationship,
    StatusEvidence,
    Tier,
    UsageWish,
    declarations,
    failure_codes,
    success_codes,
)
from provenance.generation import GenerationRecord
from provenance.keys import Signer
from provenance.manifest import ManifestDefinition, Software, manifest_for
from provenance.metadata import declaration
from provenance.pixels import PixelArray
from provenance.prompt_policy import PromptRule
from provenance.reader import C2paExaminer
from provenance.sealing.certificate_status import StatusSource
from provenance.sealing.identity import NamedActor
from provenance.sealing.timestamps import Timestamper
from provenance.signing import ManifestSigner
from provenance.status_codes import (
    CONTENT_EXCLUDED,
    IDENTITY_PROOFS,
    MANIFEST_ABSENT,
    MANIFEST_REMOTE,
    MISMATCHES,
    TIMESTAMP_PROOFS,
)
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.verdict import ProvenanceState, provenance_state, require_trusted

SOFTWARE: Final = Software("Assay", version("assay"))
_WRITER: Final = f"{SOFTWARE.name} {SOFTWARE.version}"
ENCODABLE_MEDIA_TYPES: Final = frozenset(declaration.MEDIA_TYPES)
"""Formats that pixels are stamped in."""
STAMPABLE_MEDIA_TYPES: Final = ENCODABLE_MEDIA_TYPES | frozenset(TIMED_MEDIA_TYPES)
"""Formats that take both a declaration in their own metadata and a manifest."""


def _now() -> datetime:
    return datetime.now(UTC)


class Stamper:
    """Stamps images with one signer; safe to share between threads and to build before a fork."""

    def __init__(
        self,
        signer: Signer,
        *,
        clock: Callable[[], datetime] = _now,
        prompts: PromptRule = PromptRule(),  # noqa: B008 - frozen
        wishes: tuple[UsageWish, ...] = (),
        timestamps: Timestamper | None = None,
        status: StatusSource | None = None,
        actor: NamedActor | None = None,
    ) -> None:
        """Stamp with `signer`.

        Args:
            signer: Who signs.
            clock: Current time, with a time zone; asked before every signature.
            prompts: What becomes of prompts, in every layer of every stamp; what manifests of parents tell stays as signed.
            wishes: What the rights holder allows, where a record does not say.
            timestamps: Who says when; none: a stamp dies with the certificate.
            status: Who says that the certificate is in force; none: readers have to ask.
            actor: Who else vouches, such as the user the images are for.

        Raises:
            CredentialExpired: A credential is not valid now.
        """
        self._signer = signer
        self._clock = clock
        self._prompts = prompts
        self._wishes = wishes
        self._signers = (signer, *((actor.signatory.signer,) if actor is not None else ()))
        self._require_current()
        self._manifests = ManifestSigner(signer, timestamps=timestamps, status=status, actor=actor)
        self._reader = C2paExaminer(_own_trust(signer, timestamps, actor))
        # Whoever stamps the time or vouches beside the signer is judged by us, not by the SDK.
        self._read_back = self._reader.read_back if timestamps is None and actor is None else self._reader.examine
        self._proofs = (TIMESTAMP_PROOFS if timestamps is not None and timestamps.required else frozenset()) | (
            IDENTITY_PROOFS if actor is not None else frozenset()
        )

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
            AssetUnreadable: A parent's structure cannot be read.
            SigningError: Nothing could be signed.
            StampUnverified: The result does not read back as declared.
        """
        if media_type not in ENCODABLE_MEDIA_TYPES:
            raise AssetUnsupported(f"pixels are not stamped as {media_type}; {_listed(ENCODABLE_MEDIA_TYPES)}")
        record = self._declarable(record, media_type, self._examined((*record.parents, *record.inputs)))
        instance_id = _new_instance_id()
        encoded = declaration.encode(pixels, record, media_type=media_type, instance_id=instance_id, software=_WRITER)
        return self._sign(encoded, record, instance_id)

    def stamp_asset(self, asset: Asset, record: GenerationRecord) -> Asset:
        """Declare `record` on an image that is encoded already, leaving its pixels as they are.

        An asset that carries a manifest is taken as the parent of the new one, so that what was declared before is kept.

        Raises:
            AssetUnsupported: The format cannot carry a mark.
            RecordInvalid: The asset, or a parent, was altered after it was signed.
            AssetUnreadable: The structure or the metadata of the asset, or of a parent, cannot be read.
            ManifestError: The manifest it carries is malformed and cannot be kept.
            SigningError: Nothing could be signed.
            StampUnverified: The result does not read back as declared.
        """
        if asset.media_type not in STAMPABLE_MEDIA_TYPES:
            raise AssetUnsupported(f"{asset.media_type} is not stamped here; {_listed(STAMPABLE_MEDIA_TYPES)}")
        examined = self._examined((asset, *record.parents, *record.inputs))
        if asset not in record.parents and _carries_manifest(examined[asset]):
            record = replace(record, parents=(asset, *record.parents))
        record = self._declarable(record, asset.media_type, examined)
        instance_id = _new_instance_id()
        bare = declaration.without_manifest(asset)
        declared = declaration.write(bare, record, instance_id=instance_id, software=_WRITER)
        return self._sign(declared, record, instance_id)

    def examine_parent(self, asset: Asset) -> Sequence[Evidence]:
        """What a manifest in `asset` says; an asset that was altered would be laundered by a new signature and is refused.

        Raises:
            RecordInvalid: It was altered after it was signed.
            AssetUnreadable: Its structure cannot be read.
        """
        try:
            evidence = self._reader.examine(asset)
        except ExaminerError as err:  # here, what cannot be examined is what somebody handed in to be signed
            raise AssetUnreadable(f"{asset.sha256[:12]} cannot be examined: {err}") from err
        broken = failure_codes(evidence) & (MISMATCHES | {CONTENT_EXCLUDED})
        if broken:
            found = ", ".join(sorted(broken))
            raise RecordInvalid(f"parent {asset.sha256[:12]} was altered after it was signed: {found}")
        return evidence

    def sign_last(self, declared: Asset, manifest: ManifestDefinition, *, source: DigitalSourceType | None = None) -> Asset:
        """`declared`, otherwise finished, with `manifest` signed into it and read back.

        Args:
            declared: The asset; nothing may touch it afterwards.
            manifest: What is claimed of it.
            source: What its own manifest has to read back as, if it says where the content came from.

        Raises:
            CredentialExpired: The credential is not valid now.
            ManifestError: The manifest cannot be built.
            SigningError: Nothing could be signed.
            StampUnverified: The result does not read back as declared.
        """
        self._require_current()
        signed = self._manifests.sign(declared, manifest)
        try:
            evidence = self._read_back(signed)
            require_trusted(evidence)
        except (ExaminerError, NotTrusted) as err:
            raise StampUnverified(f"the stamped {signed.media_type} does not read back: {err}") from err
        missing = self._proofs - success_codes(evidence)
        if missing:
            raise StampUnverified(f"the stamped {signed.media_type} does not read back with {', '.join(sorted(missing))}")
        own = {d.digital_source_type for d in declarations(evidence) if d.relationship is Relationship.ASSET}
        if source is not None and source.value not in own:
            raise StampUnverified(f"the stamped {signed.media_type} does not declare {source}")
        return signed

    def _require_current(self) -> None:
        for signer in self._signers:
            signer.credential.require_current(self._clock())

    def _examined(self, assets: Sequence[Asset]) -> Mapping[Asset, Sequence[Evidence]]:
        self._require_current()  # before the work that comes ahead of the signature
        return {asset: self.examine_parent(asset) for asset in dict.fromkeys(assets)}

    def _declarable(
        self, record: GenerationRecord, media_type: str, examined: Mapping[Asset, Sequence[Evidence]]
    ) -> GenerationRecord:
        """The record under the prompt rule, with the house's wishes, knowing whether its parents are wholly generated."""
        if record.mode.makes != media_type.partition("/")[0]:
            raise RecordInvalid(f"{record.mode} does not make {media_type}")
        synthetic = [_wholly_generated(examined[parent]) for parent in record.parents]
        return replace(
            record.under(self._prompts),
            wishes=record.wishes or self._wishes,
            parents_synthetic=bool(synthetic) and all(synthetic),
        )

    def _sign(self, declared: Asset, record: GenerationRecord, instance_id: str) -> Asset:
        manifest = manifest_for(record, media_type=declared.media_type, instance_id=instance_id, software=SOFTWARE)
        return self.sign_last(declared, manifest, source=record.digital_source_type)


def _wholly_generated(evidence: Sequence[Evidence]) -> bool:
    intact = provenance_state(evidence) in (ProvenanceState.TRUSTED, ProvenanceState.UNKNOWN_SIGNER)
    return intact and declared_extent(evidence) is Extent.FULL


def _own_trust(signer: Signer, timestamps: Timestamper | None, actor: NamedActor | None) -> TrustStore:
    """Trust in whom a fresh stamp is from, and nobody else: to ask of it whether it holds together."""
    lists = [_trust_in(signer, TrustPurpose.SIGNERS)]
    if timestamps is not None:
        anchors = b"".join(anchor.public_bytes(serialization.Encoding.PEM) for anchor in timestamps.anchors)
        lists.append(TrustList("own", TrustPurpose.TIMESTAMPS, Tier.CURRENT, anchors))
    if actor is not None:
        lists.append(_trust_in(actor.signatory.signer, TrustPurpose.IDENTITIES))
    return TrustStore(tuple(lists))


def _trust_in(signer: Signer, purpose: TrustPurpose) -> TrustList:
    """Trust in a signer's own certificate.

    Its chain was checked when the credential was read; following it again in every stamp takes the SDK 0.7 ms, two thirds of
    what all the rest of reading takes it.
    """
    leaf = signer.credential.certificates[0].public_bytes(serialization.Encoding.PEM)
    return TrustList("own", purpose, Tier.CURRENT, b"", allowed_pem=leaf)


def _carries_manifest(evidence: Sequence[Evidence]) -> bool:
    return any(isinstance(e, StatusEvidence) and e.code not in (MANIFEST_ABSENT, MANIFEST_REMOTE) for e in evidence)


def _listed(media_types: frozenset[str]) -> str:
    return f"these are: {', '.join(sorted(media_types))}"


def _new_instance_id() -> str:
    return f"xmp.iid:{uuid.uuid4()}"
