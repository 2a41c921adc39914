"""Chains with one thing wrong each, and the code each of them gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.trust.certificate_path import MAX_CHAIN_CERTIFICATES, judge_chain
from tests.assets.chains import (
    CLAIM_SIGNING,
    EMAIL_PROTECTION,
    NOW,
    SERVER_AUTHENTICATION,
    TIME_STAMPING,
    authority,
    chain,
    sound_chain,
)


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def issue(
    name: str,
    *,
    by: Issued | None = None,
    ca: bool = False,
    path_length: int | None = None,
    days: int = 10,
    constraints: bool = True,
    usage: dict[str, bool] | None = None,
    usages: tuple[str, ...] = (CLAIM_SIGNING,),
    unknown_critical: bool = False,
    only_for: tuple[str, ...] = (),
    names: str = "",
    rsa_bits: int = 0,
) -> Issued:
    """A certificate with exactly the extensions asked for."""
    key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days))
    )
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    bits: dict[str, Any] = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    bits.update(usage if usage is not None else {"key_cert_sign": ca, "digital_signature": not ca})
    builder = builder.add_extension(x509.KeyUsage(**bits), critical=True)
    extended = only_for if ca else usages
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(u) for u in extended]), critical=False)
    if names:
        limits = x509.NameConstraints([x509.DNSName(names)], None)
        builder = builder.add_extension(limits, critical=False)
    if unknown_critical:
        builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical=True)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


def judged(*issued: Issued, anchors: tuple[Issued, ...]) -> tuple[str, str]:
    return judge_chain([i.certificate for i in issued], [a.certificate for a in anchors], NOW)


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("root", ca=True)


def test_a_leaf_under_an_anchor_is_trusted(root: Issued) -> None:
    assert judged(issue("leaf", by=root), anchors=(root,))[0] == "signingCredential.trusted"


def test_the_anchor_may_be_sent_along(root: Issued) -> None:
    assert judged(issue("leaf", by=root), root, anchors=(root,))[0] == "signingCredential.trusted"


def test_an_intermediate_may_be_the_anchor(root: Issued) -> None:
    middle = issue("middle", by=root, ca=True)
    assert judged(issue("leaf", by=middle), middle, root, anchors=(middle,))[0] == "signingCredential.trusted"


def test_a_leaf_is_no_anchor_for_itself(root: Issued) -> None:
    leaf = issue("leaf", by=root)
    assert judged(leaf, anchors=(leaf,))[0] == "signingCredential.untrusted"


def test_another_root_of_the_same_name_does_not_help(root: Issued) -> None:
    namesake = issue("root", ca=True)
    assert judged(issue("leaf", by=namesake), namesake, anchors=(root,))[0] == "signingCredential.untrusted"


def test_a_chain_in_the_wrong_order_is_invalid(root: Issued) -> None:
    middle = issue("middle", by=root, ca=True)
    assert judged(issue("leaf", by=middle), root, middle, anchors=(root,))[0] == "signingCredential.invalid"


def test_a_certificate_that_belongs_to_nobody_is_invalid(root: Issued) -> None:
    assert judged(issue("leaf", by=root), issue("stranger", ca=True), anchors=(root,))[0] == "signingCredential.invalid"


def test_a_leaf_may_not_issue(root: Issued) -> None:
    """The oldest trick: a certificate bought for oneself signs one for somebody else."""
    bought = issue("bought", by=root)
    code, reason = judged(issue("forged", by=bought), bought, anchors=(root,))
    assert code == "signingCredential.invalid"
    assert "no authority" in reason


def test_an_issuer_without_basic_constraints_may_not_issue(root: Issued) -> None:
    middle = issue("middle", by=root, constraints=False, usage={"key_cert_sign": True})
    assert judged(issue("leaf", by=middle), middle, anchors=(root,))[0] == "signingCredential.invalid"


def test_an_issuer_without_the_right_to_issue_is_invalid(root: Issued) -> None:
    middle = issue("middle", by=root, ca=True, usage={"crl_sign": True})
    assert judged(issue("leaf", by=middle), middle, anchors=(root,))[0] == "signingCredential.invalid"


def test_path_length_is_kept(root: Issued) -> None:
    narrow = issue("narrow", ca=True, path_length=0)
    middle = issue("middle", by=narrow, ca=True)
    assert judged(issue("leaf", by=narrow), anchors=(narrow,))[0] == "signingCredential.trusted"
    assert judged(issue("leaf", by=middle), middle, anchors=(narrow,))[0] == "signingCredential.invalid"
    assert judged(issue("leaf", by=middle), middle, narrow, anchors=(narrow,))[0] == "signingCredential.invalid"


def test_an_authority_signs_no_documents(root: Issued) -> None:
    assert judged(issue("authority", by=root, ca=True), anchors=(root,))[0] == "signingCredential.invalid"


def test_a_leaf_not_for_signatures_is_invalid(root: Issued) -> None:
    leaf = issue("leaf", by=root, usage={"key_agreement": True})
    assert judged(leaf, anchors=(root,))[0] == "signingCredential.invalid"


@pytest.mark.parametrize("usages", [(), ("1.3.6.1.5.5.7.3.1",), ("1.3.6.1.5.5.7.3.8",)], ids=["none", "server", "time-stamps"])
def test_a_leaf_not_for_claims_is_invalid(root: Issued, usages: tuple[str, ...]) -> None:
    assert judged(issue("leaf", by=root, usages=usages), anchors=(root,))[0] == "signingCredential.invalid"


def test_a_critical_extension_nobody_understands_is_invalid(root: Issued) -> None:
    code, reason = judged(issue("leaf", by=root, unknown_critical=True), anchors=(root,))
    assert code == "signingCredential.invalid"
    assert "1.2.3.4" in reason


def test_an_authority_with_a_critical_extension_nobody_understands_issues_nothing(root: Issued) -> None:
    middle = issue("middle", by=root, ca=True, unknown_critical=True)
    assert judged(issue("leaf", by=middle), middle, anchors=(root,))[0] == "signingCredential.invalid"


@pytest.mark.parametrize("usage", [SERVER_AUTHENTICATION, TIME_STAMPING])
def test_an_authority_for_something_else_alone_issues_no_signers(root: Issued, usage: str) -> None:
    middle = issue("middle", by=root, ca=True, only_for=(usage,))
    code, reason = judged(issue("leaf", by=middle), middle, anchors=(root,))
    assert code == "signingCredential.invalid"
    assert "for other usages alone" in reason


@pytest.mark.parametrize("usages", [(SERVER_AUTHENTICATION, EMAIL_PROTECTION), (CLAIM_SIGNING,), ("1.2.840.113583.1.1.7",)])
def test_an_authority_for_signing_or_for_who_knows_what_may_issue(root: Issued, usages: tuple[str, ...]) -> None:
    middle = issue("middle", by=root, ca=True, only_for=usages)
    assert judged(issue("leaf", by=middle), middle, anchors=(root,))[0] == "signingCredential.trusted"


def test_limits_on_names_are_not_overlooked(root: Issued) -> None:
    middle = issue("middle", by=root, ca=True, names="example.com")
    code, reason = judged(issue("leaf", by=middle), middle, anchors=(root,))
    assert code == "signingCredential.invalid"
    assert "limited to some names" in reason


def test_a_short_key_proves_nothing(root: Issued) -> None:
    middle = issue("middle", by=root, ca=True, rsa_bits=1024)
    code, reason = judged(issue("leaf", by=middle), middle, anchors=(root,))
    assert code == "signingCredential.invalid"
    assert "1024 bits" in reason


@pytest.mark.parametrize("offset", [timedelta(days=-2), timedelta(days=40)], ids=["before", "after"])
def test_outside_validity_is_expired(offset: timedelta) -> None:
    by = sound_chain()
    assert judge_chain(by.certificates, [by.certificates[-1]], NOW + offset)[0] == "signingCredential.expired"


def test_the_anchor_must_be_valid_too() -> None:
    old = issue("root", ca=True, days=1)
    leaf = issue("leaf", by=old, days=10)
    found, _ = judge_chain([leaf.certificate], [old.certificate], NOW + timedelta(days=2))
    assert found == "signingCredential.expired"


def test_no_certificate_and_too_many_are_invalid(root: Issued) -> None:
    assert judge_chain([], [root.certificate], NOW)[0] == "signingCredential.invalid"
    many = [root.certificate] * (MAX_CHAIN_CERTIFICATES + 1)
    assert judge_chain(many, [root.certificate], NOW)[0] == "signingCredential.invalid"


def test_no_anchors_trust_nobody() -> None:
    by = chain(root=authority("Alone"))
    assert judge_chain(by.certificates, [], NOW)[0] == "signingCredential.untrusted"
