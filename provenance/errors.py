"""Every failure Assay raises, with a stable code each.

Findings are not here: a missing manifest, an unknown signer, a broken binding and a high score are evidence.

    AssayError
    ├── AssetError                 the bytes handed in
    │   ├── AssetMissing           asset.missing            no such path, or not a file
    │   ├── AssetEmpty             asset.empty
    │   ├── AssetUnsupported       asset.unsupported        not an image format we take
    │   │   └── AssetAnimated      asset.animated           more than one frame: which one is meant?
    │   ├── AssetTooLarge          asset.too_large          more bytes than the limit
    │   ├── PixelsTooMany          asset.too_many_pixels    more decoded pixels than the limit
    │   └── AssetUnreadable        asset.unreadable         the decoder refused it: truncated or corrupt
    ├── ManifestError              manifest.unwritable      a manifest we were about to write is not sound
    ├── RecordInvalid              record.invalid           what made the image is not described well enough to declare it
    ├── SigningError               signing.failed
    │   ├── SignerUnavailable      signing.unavailable      retry later
    │   └── CredentialInvalid      signing.credential_invalid   page someone
    │       ├── CredentialMissing      signing.credential_missing
    │       └── CredentialExpired      signing.credential_expired
    ├── StampUnverified            stamp.unverified         the stamped file does not read back as it should: it does not leave
    ├── TrustStoreError            trust.unusable           refuse to start
    ├── ExaminerError              examiner.failed          becomes "unavailable" evidence, never "nothing found"
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
    """The bytes are not of an image format Assay takes, whatever the name says."""

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


class RecordInvalid(AssayError):
    """A generation record that cannot be turned into an honest declaration."""

    code: ClassVar[str] = "record.invalid"


class SigningError(AssayError):
    """Nothing was signed; the message names the real cause."""

    code: ClassVar[str] = "signing.failed"


class SignerUnavailable(SigningError):
    """The key is out of reach for now: retry."""

    code: ClassVar[str] = "signing.unavailable"


class CredentialInvalid(SigningError):
    """Key, chain or usage are wrong: retrying will not help."""

    code: ClassVar[str] = "signing.credential_invalid"


class CredentialMissing(CredentialInvalid):
    """No key or no certificate where one was configured."""

    code: ClassVar[str] = "signing.credential_missing"


class CredentialExpired(CredentialInvalid):
    """The certificate is outside its validity period."""

    code: ClassVar[str] = "signing.credential_expired"


class StampUnverified(AssayError):
    """The stamped file does not read back as it should, so it does not leave."""

    code: ClassVar[str] = "stamp.unverified"


class TrustStoreError(AssayError):
    """Trust anchors that cannot be used; a service refuses to start with them."""

    code: ClassVar[str] = "trust.unusable"


class ExaminerError(AssayError):
    """An examiner could not run. `inspect` turns it into evidence with outcome "unavailable"."""

    code: ClassVar[str] = "examiner.failed"


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
