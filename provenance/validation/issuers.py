"""Who known signers of C2PA manifests are: houses that generate pictures, and platforms that sign whatever is uploaded.

A name on a certificate says who vouches, and a signer on a trust list had to prove it. It does not say how a picture was made:
Google signs what its models generate and what its cameras take, TikTok what its users upload. So this names, for a reader, and
decides nothing; the manifest's digital source type does.

Source: certificates and manifests of public example files, and the C2PA trust list of August 2026; rows marked reported rest on
the reports of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provenance.evidence import (
    C2PA_EXAMINER,
    Evidence,
    Outcome,
    Relationship,
    StatusEvidence,
    declarations,
    success_codes,
)
from provenance.status_codes import CREDENTIAL_TRUSTED, MANIFEST_ISSUER_KNOWN


class Role(StrEnum):
    """What a signer signs."""

    GENERATOR = "signs what its generators make"
    SEVERAL = "signs what its generators make, and other pictures too"
    UPLOADS = "signs what is uploaded to it, which says nothing of what made the picture"


@dataclass(frozen=True, slots=True)
class Issuer:
    """A known signer."""

    name: str
    organisations: tuple[str, ...]
    """How the organisation or common name of its certificates begins, in lower case."""
    role: Role


ISSUERS: Final = (
    Issuer("OpenAI", ("openai", "truepic lens cli in sora"), Role.GENERATOR),
    Issuer("Black Forest Labs", ("black forest labs",), Role.GENERATOR),  # reported
    Issuer("Stability AI", ("stability ai",), Role.GENERATOR),  # reported
    Issuer("ElevenLabs", ("eleven labs inc", "elevenlabs"), Role.GENERATOR),  # reported
    Issuer("ByteDance Volcano Engine", ("北京火山引擎科技有限公司", "volcengine", "byteplus pte"), Role.GENERATOR),  # reported
    Issuer("Adobe", ("adobe",), Role.SEVERAL),
    Issuer("Google", ("google llc", "google c2pa"), Role.SEVERAL),
    Issuer("Microsoft", ("microsoft",), Role.SEVERAL),  # reported
    Issuer("Canva", ("canva",), Role.SEVERAL),  # reported
    Issuer("Samsung", ("samsung",), Role.SEVERAL),  # reported
    Issuer("TikTok", ("tiktok",), Role.UPLOADS),  # reported
    Issuer("PixelBin", ("pixelbin",), Role.UPLOADS),  # reported
)
"""Known signers; the first whose name begins so counts."""


def known_issuer(signer: str) -> Issuer | None:
    """The known issuer among the comma-separated names of a certificate's subject, or None.

    >>> known_issuer("Truepic Lens CLI in Sora, OpenAI").name
    'OpenAI'
    """
    names = [name.strip().lower() for name in signer.split(",")]
    return next((i for i in ISSUERS if any(name.startswith(i.organisations) for name in names)), None)


def issuer_statuses(evidence: Sequence[Evidence]) -> Iterator[StatusEvidence]:
    """`manifest.issuer_known` for the active manifest's signer, if it is trusted and known; nothing otherwise.

    An untrusted certificate may bear any name.

    Args:
        evidence: Everything the examiner of manifests found.
    """
    own = [e for e in evidence if e.examiner == C2PA_EXAMINER]
    if CREDENTIAL_TRUSTED not in success_codes(own):
        return
    declared = next((d for d in declarations(own) if d.relationship is Relationship.ASSET and d.signer), None)
    issuer = known_issuer(declared.signer or "") if declared else None
    if declared is not None and issuer is not None:
        explanation = f"{issuer.name} {issuer.role}"
        yield StatusEvidence(C2PA_EXAMINER, MANIFEST_ISSUER_KNOWN, Outcome.INFORMATIONAL, declared.locator, explanation)
