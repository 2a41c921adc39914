"""Every failure Assay raises, with a stable code each.

Findings are not here: a missing manifest, an unknown signer, a broken binding and a high score are evidence. The whole tree
is told in one place, which makes this module longer than others.

    AssayError
    ├── AssetError                 the bytes handed in
    │   ├── AssetMissing           asset.missing            no such path, or not a file
    │   ├── AssetEmpty             asset.empty
    │   ├── AssetUnsupported       asset.unsupported        not a format we take, or none we can do this with
    │   │   └── AssetAnimated      asset.animated           more than one frame: which one is meant?
    │   ├── AssetTooLarge          asset.too_large          more bytes than the limit
    │   ├── PixelsTooMany          asset.too_many_pixels    more decoded pixels than the limit
    │   └── AssetUnreadable        asset.unreadable         the decoder refused it: truncated or corrupt
    ├── ManifestError              manifest.unwritable      a manifest we were about to write is not sound
    ├── DerivationInvalid          derivation.invalid       a derivative that is not made: out of range, or a format not written
    ├── AmendmentRefused           amendment.refused        a redaction that is not made: nothing to redact, or never redacted
    ├── RecordInvalid              record.invalid           what made the image is not described well enough to declare it
    ├── SigningError               signing.failed
    │   ├── SignerUnavailable      signing.unavailable      retry later
    │   │   ├── TimestampUnavailable   signing.timestamp_unavailable
    │   │   └── StatusUnavailable      signing.status_unavailable
    │   ├── TimestampMissing       signing.timestamp_missing    no time-stamp is to be had, and the policy is not to wait
    │   ├── TimestampInvalid       signing.timestamp_invalid    the authority refused, or its answer does not hold
    │   ├── StatusInvalid          signing.status_invalid       what a responder says of our certificate does not hold
    │   └── CredentialInvalid      signing.credential_invalid   page someone
    │       ├── CredentialMissing      signing.credential_missing
    │       ├── CredentialExpired      signing.credential_expired
    │       ├── CredentialNotYetValid  signing.credential_not_yet_valid
    │       ├── CredentialMismatch     signing.credential_mismatch     the key is not the certificate's
    │       ├── CredentialChainBroken  signing.credential_chain        wrong order, or a certificate is missing
    │       ├── CredentialUsageWrong   signing.credential_usage        the certificate may not sign claims
    │       ├── CredentialKeyUnfit     signing.credential_key          a kind or size of key nobody signs claims with
    │       ├── CredentialRefused      signing.credential_refused      whoever holds the key does not let us use it
    │       ├── CredentialUnproven     signing.credential_unproven     a picture signed for a trial does not read back
    │       ├── SignerUnsupported      signing.unsupported             a library for this kind of signer is missing
    │       └── CredentialRevoked      signing.credential_revoked
    ├── StampUnverified            stamp.unverified         the stamped file does not read back as it should: it does not leave
    ├── TrustStoreError            trust.unusable           refuse to start
    │   ├── TrustListStale         trust.stale              older than the operator allows: refuse to start
    │   └── TrustUpdateRefused     trust.update_refused     nothing vouches for a new list, or it looks like no successor
    ├── ExaminerError              examiner.failed          becomes "unavailable" evidence, never "nothing found"
    │   ├── ExaminerCrashed        examiner.crashed         the process that parsed the asset ended, or answered nonsense
    │   ├── ExaminerTimedOut       examiner.timeout
    │   └── ExaminerOutOfMemory    examiner.memory
    ├── IsolationUnavailable       isolation.unavailable    no process to parse in that is confined: refuse to start
    ├── DetectorError              detector.failed
    │   ├── WeightsUnreadable      detector.weights_unreadable
    │   └── WeightsMismatch        detector.weights_mismatch    digest differs from the card: refuse to load
    ├── PipelineError              pipeline.failed
    │   ├── PipelineRefused        pipeline.refused         an exit no stamp can reach, such as latent output
    │   ├── GenerationInvalid      pipeline.request_invalid     what was asked for is out of range, or not what this model takes
    │   └── ModelUnusable          pipeline.model_unusable  the model directory is not one, is incomplete or holds pickles
    ├── ReportError                report.invalid           a report that does not parse, or whose signature does not hold
    ├── StorageError               storage.failed           such as a full disk
    │   └── OutputExists           storage.output_exists    something is there already and nobody said to replace it
    ├── FetchError                 fetch.failed             the other side answered badly or not at all
    │   ├── FetchRefused           fetch.refused            an address, port, redirect or encoding we do not follow
    │   ├── FetchTooLarge          fetch.too_large          more bytes than the limit
    │   └── FetchTimeout           fetch.timeout
    ├── AccessError                access.failed
    │   ├── AccessUnauthenticated  access.unauthenticated   no key, or none we know
    │   └── AccessForbidden        access.forbidden         the key lacks the scope
    ├── UsageInvalid               usage.invalid            options that do not go together, or a value out of range
    └── NotTrusted                 manifest.not_trusted     raised by `require_trusted` only
"""

from __future__ import annotations

from collections.abc import Set
from typing import ClassVar


class AssayError(Exception):
    """Root of the tree. `code` is stable, the message is for people."""

    code: ClassVar[str] = "assay.failed"

    @classmethod
    def description(cls) -> str:
        """What this class of errors means, in a line without paths or hosts."""
        return (cls.__doc__ or "").strip().splitlines()[0]


class AssetError(AssayError):
    """The bytes handed in cannot be worked on."""

    code: ClassVar[str] = "asset.failed"


class AssetMissing(AssetError):
    """No such path, or what is there is not a file."""

    code: ClassVar[str] = "asset.missing"


class AssetEmpty(AssetError):
    """Zero bytes."""

    code: ClassVar[str] = "asset.empty"


class AssetUnsupported(AssetError):
    """The bytes are not of a format Assay takes, or not of one that this can be done with, whatever the name says."""

    code: ClassVar[str] = "asset.unsupported"


class AssetAnimated(AssetUnsupported):
    """More than one frame where one picture is needed."""

    code: ClassVar[str] = "asset.animated"


class AssetTooLarge(AssetError):
    """More bytes than the limit in force."""

    code: ClassVar[str] = "asset.too_large"


class PixelsTooMany(AssetError):
    """More decoded pixels than the limit in force."""

    code: ClassVar[str] = "asset.too_many_pixels"


class AssetUnreadable(AssetError):
    """The format is known and the decoder still refused: truncated or corrupt."""

    code: ClassVar[str] = "asset.unreadable"


class ManifestError(AssayError):
    """A manifest about to be written is not sound."""

    code: ClassVar[str] = "manifest.unwritable"


class DerivationInvalid(AssayError):
    """A derivative was asked for that is not made here: a size out of range, or a format that is not written."""

    code: ClassVar[str] = "derivation.invalid"


class AmendmentRefused(AssayError):
    """A redaction that is not made."""

    code: ClassVar[str] = "amendment.refused"


class RecordInvalid(AssayError):
    """A generation record that cannot be turned into an honest declaration."""

    code: ClassVar[str] = "record.invalid"


class SigningError(AssayError):
    """Nothing was signed; the message names the real cause."""

    code: ClassVar[str] = "signing.failed"


class SignerUnavailable(SigningError):
    """The key is out of reach for now: retry."""

    code: ClassVar[str] = "signing.unavailable"


class TimestampUnavailable(SignerUnavailable):
    """The time-stamping authority is out of reach for now: retry."""

    code: ClassVar[str] = "signing.timestamp_unavailable"


class StatusUnavailable(SignerUnavailable):
    """Whoever knows whether our certificate is in force is out of reach for now: retry."""

    code: ClassVar[str] = "signing.status_unavailable"


class TimestampMissing(SigningError):
    """No time-stamp is to be had, and the policy is neither to wait nor to do without."""

    code: ClassVar[str] = "signing.timestamp_missing"


class TimestampInvalid(SigningError):
    """The time-stamping authority refused, or its answer does not hold."""

    code: ClassVar[str] = "signing.timestamp_invalid"


class StatusInvalid(SigningError):
    """What a responder says of our own certificate does not hold."""

    code: ClassVar[str] = "signing.status_invalid"


class CredentialInvalid(SigningError):
    """Key, chain or usage are wrong: retrying will not help."""

    code: ClassVar[str] = "signing.credential_invalid"


class CredentialMissing(CredentialInvalid):
    """No key or no certificate where one was configured."""

    code: ClassVar[str] = "signing.credential_missing"


class CredentialExpired(CredentialInvalid):
    """A certificate of the chain is past its validity."""

    code: ClassVar[str] = "signing.credential_expired"


class CredentialNotYetValid(CredentialInvalid):
    """A certificate of the chain is not valid yet; a clock may be wrong."""

    code: ClassVar[str] = "signing.credential_not_yet_valid"


class CredentialMismatch(CredentialInvalid):
    """The key that signs is not the one the certificate is for."""

    code: ClassVar[str] = "signing.credential_mismatch"


class CredentialChainBroken(CredentialInvalid):
    """The certificates are no chain, leaf first: wrong order, or one is missing in between."""

    code: ClassVar[str] = "signing.credential_chain"


class CredentialUsageWrong(CredentialInvalid):
    """A certificate is not for what it is used for: the leaf may not sign claims, or an authority may not issue."""

    code: ClassVar[str] = "signing.credential_usage"


class CredentialKeyUnfit(CredentialInvalid):
    """The key, or what a certificate is signed with, is of a kind or size that claims are not signed with."""

    code: ClassVar[str] = "signing.credential_key"


class CredentialRefused(CredentialInvalid):
    """Whoever holds the key does not let us use it: a wrong PIN, no permission, a key that is switched off."""

    code: ClassVar[str] = "signing.credential_refused"


class CredentialUnproven(CredentialInvalid):
    """A picture signed for a trial does not read back as it should."""

    code: ClassVar[str] = "signing.credential_unproven"


class SignerUnsupported(CredentialInvalid):
    """The library that this kind of signer needs is not installed."""

    code: ClassVar[str] = "signing.unsupported"


class CredentialRevoked(CredentialInvalid):
    """The issuer has revoked the certificate."""

    code: ClassVar[str] = "signing.credential_revoked"


class StampUnverified(AssayError):
    """The stamped file does not read back as it should, so it does not leave."""

    code: ClassVar[str] = "stamp.unverified"


class TrustStoreError(AssayError):
    """Trust anchors that cannot be used; a service refuses to start with them."""

    code: ClassVar[str] = "trust.unusable"


class TrustListStale(TrustStoreError):
    """A published trust list is older than the operator allows."""

    code: ClassVar[str] = "trust.stale"


class TrustUpdateRefused(TrustStoreError):
    """A trust list that nothing vouches for, or that looks like no successor of the one in force; nothing was changed."""

    code: ClassVar[str] = "trust.update_refused"


class ExaminerError(AssayError):
    """An examiner could not run. `inspect` turns it into evidence with outcome "unavailable"."""

    code: ClassVar[str] = "examiner.failed"


class ExaminerCrashed(ExaminerError):
    """The process that parsed the asset ended before its time, or gave an answer of no sound form."""

    code: ClassVar[str] = "examiner.crashed"


class ExaminerTimedOut(ExaminerError):
    """Parsing the asset took longer than is allowed."""

    code: ClassVar[str] = "examiner.timeout"


class ExaminerOutOfMemory(ExaminerError):
    """Parsing the asset takes more memory than is allowed."""

    code: ClassVar[str] = "examiner.memory"


class IsolationUnavailable(AssayError):
    """There is no process to parse untrusted bytes in, or it cannot be confined as is required."""

    code: ClassVar[str] = "isolation.unavailable"


class DetectorError(AssayError):
    """A detector that cannot be loaded or run."""

    code: ClassVar[str] = "detector.failed"


class WeightsUnreadable(DetectorError):
    """The weight file is missing or is not a model."""

    code: ClassVar[str] = "detector.weights_unreadable"


class WeightsMismatch(DetectorError):
    """The weight file's digest differs from its card."""

    code: ClassVar[str] = "detector.weights_mismatch"


class PipelineError(AssayError):
    """A generation pipeline failed."""

    code: ClassVar[str] = "pipeline.failed"


class PipelineRefused(PipelineError):
    """The call would let something out unstamped."""

    code: ClassVar[str] = "pipeline.refused"


class GenerationInvalid(PipelineError):
    """What was asked of a generator is out of range, or nothing this model takes."""

    code: ClassVar[str] = "pipeline.request_invalid"


class ModelUnusable(PipelineError):
    """The model directory is not one, is incomplete or corrupt, or holds pickles, which run code when read."""

    code: ClassVar[str] = "pipeline.model_unusable"


class ReportError(AssayError):
    """A report that does not parse, or whose signature does not hold."""

    code: ClassVar[str] = "report.invalid"


class StorageError(AssayError):
    """The place that keeps objects or results failed; nothing was kept."""

    code: ClassVar[str] = "storage.failed"


class OutputExists(StorageError):
    """Something is there already and nobody said to replace it."""

    code: ClassVar[str] = "storage.output_exists"


class FetchError(AssayError):
    """A URL could not be fetched: the other side answered badly or not at all."""

    code: ClassVar[str] = "fetch.failed"


class FetchRefused(FetchError):
    """A URL, address, port, redirect or encoding that is not followed, whoever asks."""

    code: ClassVar[str] = "fetch.refused"


class FetchTooLarge(FetchError):
    """More bytes than the limit in force."""

    code: ClassVar[str] = "fetch.too_large"


class FetchTimeout(FetchError):
    """The time allowed for connecting, or for the whole fetch, ran out."""

    code: ClassVar[str] = "fetch.timeout"


class AccessError(AssayError):
    """Whoever asks may not have this."""

    code: ClassVar[str] = "access.failed"


class AccessUnauthenticated(AccessError):
    """No API key, or none that is known and in force."""

    code: ClassVar[str] = "access.unauthenticated"


class AccessForbidden(AccessError):
    """The API key is known and lacks the scope."""

    code: ClassVar[str] = "access.forbidden"


class UsageInvalid(AssayError):
    """Options that do not go together, or a value out of range."""

    code: ClassVar[str] = "usage.invalid"


class NotTrusted(AssayError):
    """The manifest is not intact and trusted.

    Attributes:
        missing: Success codes that a trusted manifest has and this one lacks.
        failures: Failure codes that were found.
    """

    code: ClassVar[str] = "manifest.not_trusted"

    def __init__(self, *, missing: Set[str], failures: Set[str]) -> None:
        self.missing = frozenset(missing)
        self.failures = frozenset(failures)
        super().__init__(f"not trusted: missing {sorted(self.missing)}, failures {sorted(self.failures)}")
