"""Status codes: C2PA's own, verbatim, grouped by what they mean to a verdict, and ours.

Source: C2PA Technical Specification 2.3, "Standard status codes". Ours live under `manifest.`, `marks.`, `watermark.`,
`fingerprint.`, `detector.` and `examiner.`.
"""

from __future__ import annotations

from typing import Final

CLAIM_SIGNATURE_VALIDATED: Final = "claimSignature.validated"
CLAIM_SIGNATURE_MISMATCH: Final = "claimSignature.mismatch"
CREDENTIAL_TRUSTED: Final = "signingCredential.trusted"
CREDENTIAL_UNTRUSTED: Final = "signingCredential.untrusted"
CREDENTIAL_EXPIRED: Final = "signingCredential.expired"
CLAIM_INSIDE_VALIDITY: Final = "claimSignature.insideValidity"
CLAIM_OUTSIDE_VALIDITY: Final = "claimSignature.outsideValidity"
TIME_STAMP_VALIDATED: Final = "timeStamp.validated"
TIME_STAMP_TRUSTED: Final = "timeStamp.trusted"

TRUSTED_CODES: Final = frozenset({CLAIM_SIGNATURE_VALIDATED, CREDENTIAL_TRUSTED})
"""Success codes every trusted manifest has, besides one of `HARD_BINDING_MATCHES`."""

HARD_BINDING_MATCHES: Final = frozenset(
    {
        "assertion.dataHash.match",
        "assertion.bmffHash.match",
        "assertion.boxesHash.match",
        "assertion.collectionHash.match",
        "assertion.multiAssetHash.match",
    }
)
"""Success codes that tie a manifest to these very bytes."""

MISMATCHES: Final = frozenset(
    {
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.collectionHash.mismatch",
        "assertion.multiAssetHash.mismatch",
        "assertion.hashedURI.mismatch",
        CLAIM_SIGNATURE_MISMATCH,
        "ingredient.manifest.mismatch",
        "ingredient.claimSignature.mismatch",
        "assertion.boxesHash.unknownBox",  # a part was added that the signer did not hash
    }
)
"""Failure codes that say something was changed after it was signed."""

IDENTITY_CODES_PREFIX: Final = "cawg."
"""Codes of identity assertions, which say who else vouches. One that fails, or cannot be resolved without a network, is shown
and leaves the manifest's own signature and binding as they are."""

IDENTITY_TRUSTED: Final = "cawg.x509.credential.trusted"
IDENTITY_PROOFS: Final = frozenset({"cawg.identity.well-formed", IDENTITY_TRUSTED})
"""Success codes of an identity assertion that is sound and whose named actor is trusted."""

TIMESTAMP_PROOFS: Final = frozenset({"timeStamp.validated", "timeStamp.trusted"})
"""Success codes of a signature that was stamped in time by an authority that is trusted."""

ADDITIONAL_EXCLUSIONS: Final = frozenset(
    {f"assertion.{kind}.additionalExclusionsPresent" for kind in ("dataHash", "bmffHash", "boxesHash")}
)
"""Codes that say the hard binding leaves out more than the manifest; what it leaves out has to be looked at."""
CONTENT_EXCLUDED: Final = "manifest.content_excluded"
"""Content lies outside the hard binding: it can be swapped and every hash still matches."""

MANIFEST_ABSENT: Final = "manifest.absent"
"""No manifest embedded. Normal: most platforms strip metadata."""
MANIFEST_REMOTE: Final = "manifest.remote_reference"
"""The asset points to a manifest elsewhere, which was not followed."""
MANIFEST_REMOTE_FETCHED: Final = "manifest.remote_fetched"
"""The manifest elsewhere was fetched, and what is said of the manifest is said of that one; the locator says from where."""
MANIFEST_REMOTE_UNFETCHED: Final = "manifest.remote_unfetched"
"""The manifest elsewhere could not be fetched, or may not be; the explanation starts with the error's code."""
MANIFEST_DUPLICATE_STORE: Final = "manifest.duplicate_store"
"""There is more than one manifest store, so that two readers could honestly see two manifests."""
MANIFEST_HISTORY_CUT: Final = "manifest.history_cut"
"""More manifests, or more in one, than are read: what the rest declare is not known."""
THUMBNAIL_DIFFERS: Final = "manifest.thumbnail_differs"
"""The signed thumbnail shows another picture than the asset."""
MANIFEST_MALFORMED: Final = "manifest.malformed"
"""A manifest is there and cannot be parsed."""
MANIFEST_TIER_CURRENT: Final = "manifest.tier.current"
MANIFEST_TIER_LEGACY: Final = "manifest.tier.legacy"
"""Trusted through the interim list, frozen on 1 January 2026."""
MANIFEST_TIER_DEVELOPMENT: Final = "manifest.tier.development"
"""Trusted through a development authority of this installation: proves nothing to anyone else."""
SIGNER_WRONG_LIST: Final = "manifest.signer_on_wrong_list"
"""The signer chains to an anchor that was given for time-stamps or identities, not for signers."""
SIGNER_REVOKED: Final = "manifest.signer_revoked"
"""A certificate of the signer is on the operator's own revocation list."""
SIGNER_USAGE_WRONG: Final = "manifest.signer_usage_wrong"
"""The signing certificate may not sign claims, such as one for time-stamping only, or cannot be told."""

MANIFEST_ISSUER_KNOWN: Final = "manifest.issuer_known"
"""The trusted signer is one we know; the explanation says what it signs."""

MARKS_ABSENT: Final = "marks.absent"
MARKS_PRESENT: Final = "marks.present"
MARKS_CAMERA: Final = "marks.camera"
"""The metadata describes a camera and how it took the picture; anyone can write that."""
MARKS_MALFORMED: Final = "marks.malformed"
"""Metadata is there and cannot be read, so marks in it cannot be ruled out; the locator says which."""
MARKS_WEAK: Final = "marks.weak"
"""Pixels agree with a known message in more bits than chance explains well, and in too few to declare anything."""
MARKS_SIGNATURE_VALIDATED: Final = "marks.signature.validated"
MARKS_SIGNATURE_MISMATCH: Final = "marks.signature.mismatch"
"""A generator's signature in a mark is not over these pixels. Anybody can paste such a mark onto any picture, so it tells
nothing of who changed what: not among `MISMATCHES`."""
MARKS_NOT_APPLICABLE: Final = "marks.not_applicable"
"""There are no pixels to look for marks in."""

TDM_ABSENT: Final = "tdmrep.absent"
"""The server says nothing of mining this asset."""
TDM_MALFORMED: Final = "tdmrep.malformed"
"""The server's rules on mining cannot be read, so they say nothing."""

DETECTOR_ABSTAINED: Final = "detector.abstained"
"""The detector ran and declines to judge this image; the explanation starts with its reason code."""

EXAMINER_UNAVAILABLE: Final = "examiner.unavailable"
"""The examiner could not run; the explanation starts with the error's code."""
