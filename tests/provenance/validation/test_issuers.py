"""Known signers are named when they are trusted; uploaders are never taken for generators; nothing is decided by a name."""

from __future__ import annotations

import pytest

from provenance.evidence import DeclarationEvidence, Forgeability, Layer, Outcome, Relationship, StatusEvidence
from provenance.status_codes import (
    CLAIM_SIGNATURE_VALIDATED,
    CREDENTIAL_TRUSTED,
    CREDENTIAL_UNTRUSTED,
    MANIFEST_ISSUER_KNOWN,
)
from provenance.validation.issuers import ISSUERS, Role, issuer_statuses, known_issuer
from provenance.verdict import VerdictPolicy

TRUSTED = [
    StatusEvidence("c2pa", code, Outcome.SUCCESS)
    for code in (CLAIM_SIGNATURE_VALIDATED, CREDENTIAL_TRUSTED, "assertion.dataHash.match")
]


def signed_by(signer: str | None, relationship: Relationship = Relationship.ASSET) -> DeclarationEvidence:
    return DeclarationEvidence(
        "c2pa", Layer.METADATA, Forgeability.SIGNED, signer=signer, relationship=relationship, locator="urn:c2pa:1"
    )


@pytest.mark.parametrize(
    ("signer", "name", "role"),
    [
        ("OpenAI OpCo, LLC", "OpenAI", Role.GENERATOR),
        ("Truepic Lens CLI in Sora, OpenAI", "OpenAI", Role.GENERATOR),
        ("Adobe Firefly C2PA, Adobe Inc.", "Adobe", Role.SEVERAL),
        ("Google C2PA Media Services 1P, Google LLC", "Google", Role.SEVERAL),
        ("北京火山引擎科技有限公司", "ByteDance Volcano Engine", Role.GENERATOR),
        ("Byteplus Pte. Ltd.", "ByteDance Volcano Engine", Role.GENERATOR),
        ("TikTok Inc.", "TikTok", Role.UPLOADS),
        ("PIXELBIN", "PixelBin", Role.UPLOADS),
    ],
)
def test_known_names(signer, name, role):
    issuer = known_issuer(signer)
    assert issuer is not None
    assert (issuer.name, issuer.role) == (name, role)


@pytest.mark.parametrize("signer", ["", ",", "Not OpenAI", "Leica Camera AG", "C2PA Test Signing Cert"])
def test_other_names_are_not_known(signer):
    assert known_issuer(signer) is None


def test_names_are_in_lower_case_and_of_one_issuer_each():
    names = [organisation for issuer in ISSUERS for organisation in issuer.organisations]
    assert names == [name.lower() for name in names]
    assert len(set(names)) == len(names)


def test_a_trusted_known_signer_is_named():
    assert list(issuer_statuses([*TRUSTED, signed_by("TikTok Inc.")])) == [
        StatusEvidence(
            "c2pa",
            MANIFEST_ISSUER_KNOWN,
            Outcome.INFORMATIONAL,
            "urn:c2pa:1",
            "TikTok signs what is uploaded to it, which says nothing of what made the picture",
        )
    ]


@pytest.mark.parametrize(
    "evidence",
    [
        [signed_by("OpenAI")],
        [StatusEvidence("c2pa", CREDENTIAL_UNTRUSTED, Outcome.FAILURE), signed_by("OpenAI")],
        [StatusEvidence("identity", CREDENTIAL_TRUSTED, Outcome.SUCCESS), signed_by("OpenAI")],
        [*TRUSTED, signed_by(None)],
        [*TRUSTED, signed_by("OpenAI", Relationship.PARENT)],
        [*TRUSTED],
    ],
)
def test_an_untrusted_name_or_an_ancestors_is_not(evidence):
    assert list(issuer_statuses(evidence)) == []


def test_a_name_changes_no_verdict():
    evidence = [*TRUSTED, signed_by("OpenAI")]
    named = VerdictPolicy().decide([*evidence, *issuer_statuses(evidence)])
    assert named == VerdictPolicy().decide(evidence)
