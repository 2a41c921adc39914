from __future__ import annotations

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.errors import (
    CredentialChainBroken,
    CredentialInvalid,
    CredentialKeyUnfit,
    CredentialUsageWrong,
)
from provenance.keys import Credential
from tests.assets.chains import (
    CLAIM_SIGNING,
    EMAIL_PROTECTION,
    NOW,
    TIME_STAMPING,
    Authority,
    authority,
    chain,
    key_pem,
    pem_of,
    sound_chain,
)

ROOT = authority("Throw-away root")
DIGITAL_SIGNATURE = "digital_signature"


def key_usage(*on: str) -> x509.KeyUsage:
    names = (
        DIGITAL_SIGNATURE, "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in on for name in names})


def leaf(
    *,
    usage: x509.KeyUsage | None = None,
    extended: tuple[str, ...] = (CLAIM_SIGNING,),
    ca: bool = False,
    issuer: Authority = ROOT,
    of_itself: bool = False,
) -> bytes:
    """A chain whose leaf has these extensions and no others."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away leaf")])
    above = name if of_itself else issuer.certificate.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(above).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(issuer.certificate.not_valid_after_utc)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in extended]), critical=False)
    made = builder.sign(key if of_itself else issuer.key, hashes.SHA256())
    return pem_of([made] if of_itself else [made, issuer.certificate])


def refused(pem: bytes, kind: type[CredentialInvalid]) -> str:
    with pytest.raises(kind) as caught:
        Credential.from_pem(pem)
    assert type(caught.value) is kind
    return str(caught.value)


def test_the_least_a_leaf_needs() -> None:
    assert Credential.from_pem(leaf(usage=key_usage(DIGITAL_SIGNATURE))).subject == "CN=Throw-away leaf"


def test_a_leaf_that_may_not_sign() -> None:
    assert "digitalSignature" in refused(leaf(usage=None), CredentialUsageWrong)
    assert "digitalSignature" in refused(leaf(usage=key_usage("key_agreement")), CredentialUsageWrong)


def test_an_authority_signs_no_claims() -> None:
    pem = leaf(usage=key_usage(DIGITAL_SIGNATURE, "key_cert_sign"), ca=True)
    assert "is an authority" in refused(pem, CredentialUsageWrong)


def test_a_certificate_for_anything_is_for_nothing() -> None:
    pem = leaf(usage=key_usage(DIGITAL_SIGNATURE), extended=(CLAIM_SIGNING, "2.5.29.37.0"))
    assert "for anything" in refused(pem, CredentialUsageWrong)


@pytest.mark.parametrize(("other", "name"), [(TIME_STAMPING, "time-stamping"), ("1.3.6.1.5.5.7.3.9", "OCSP signing")])
def test_usages_that_stand_alone(other: str, name: str) -> None:
    pem = leaf(usage=key_usage(DIGITAL_SIGNATURE), extended=(EMAIL_PROTECTION, other))
    assert f"for {name} as well" in refused(pem, CredentialUsageWrong)


def test_a_leaf_that_issued_itself() -> None:
    assert "issued by itself" in refused(leaf(usage=key_usage(DIGITAL_SIGNATURE), of_itself=True), CredentialChainBroken)


def test_a_leaf_under_a_leaf() -> None:
    of = sound_chain()
    under = leaf(usage=key_usage(DIGITAL_SIGNATURE), issuer=Authority(of.leaf, of.key))
    assert "is no authority" in refused(under, CredentialUsageWrong)


def test_a_chain_the_other_way_round() -> None:
    of = chain(intermediate=True)
    assert "other way round" in refused(pem_of(of.certificates[::-1]), CredentialChainBroken)


def test_a_chain_with_a_gap() -> None:
    of = chain(intermediate=True)
    assert "one is missing in between" in refused(pem_of([of.certificates[0], of.certificates[2]]), CredentialChainBroken)


def test_a_curve_we_do_not_sign_on() -> None:
    of = chain(key=ec.generate_private_key(ec.SECP521R1()))
    assert "P-256, P-384" in refused(of.pem, CredentialKeyUnfit)


def test_no_certificate_at_all() -> None:
    with pytest.raises(CredentialInvalid, match="there is no certificate"):
        Credential.from_certificates(())
    assert "PEM" in refused(b"", CredentialInvalid)
    assert "PEM" in refused(key_pem(sound_chain().key), CredentialInvalid)


def test_malformed_extensions_are_refused() -> None:
    of = sound_chain()
    der = of.leaf.public_bytes(serialization.Encoding.DER)
    # 06 03 55 1D 25 is the identifier of the extended key usages; its value becomes what is no sequence.
    at = der.index(bytes.fromhex("0603551d25"))
    broken = der[: at + 7] + b"\x05" + der[at + 8 :]
    try:
        loaded = x509.load_der_x509_certificate(broken)
    except ValueError:
        pytest.skip("this version of cryptography does not load it in the first place")
    with pytest.raises(CredentialInvalid):
        Credential.from_certificates((loaded, of.authorities[0].certificate))


def test_the_first_certificate_to_end_ends_the_credential() -> None:
    of = chain()
    credential = Credential.from_pem(of.pem)
    assert credential.expires == credential.not_after == of.leaf.not_valid_after_utc
    longer = chain(end=ROOT.certificate.not_valid_after_utc + (NOW - of.leaf.not_valid_before_utc), root=ROOT)
    assert Credential.from_pem(longer.pem).expires == ROOT.certificate.not_valid_after_utc


@pytest.mark.parametrize("of", [0, 1])
def test_a_chain_with_a_flipped_bit_is_taken_or_refused(of: int) -> None:
    ders = [certificate.public_bytes(serialization.Encoding.DER) for certificate in sound_chain().certificates]
    refused = 0
    for at in range(len(ders[of])):
        flipped = [*ders]
        flipped[of] = ders[of][:at] + bytes([ders[of][at] ^ 1]) + ders[of][at + 1 :]
        try:
            Credential.from_pem(b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in flipped))
        except CredentialInvalid:
            refused += 1
    assert refused > len(ders[of]) // 2  # nobody looks at the signature a root makes over itself
