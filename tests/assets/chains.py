"""Throw-away certificate chains, made in memory: sound ones for every algorithm, and ones with a single thing wrong.

A chain is made for one test run and forgotten. Nothing here is a credential of anyone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.evidence import Tier
from provenance.keys import Algorithm, Credential, KeySigner
from provenance.trust.store import TrustList, TrustPurpose, TrustStore

NOW = datetime.now(UTC).replace(microsecond=0)
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1"


@dataclass(frozen=True, slots=True)
class Authority:
    """A root or intermediate that can issue."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Chain:
    """A leaf with its key, and the authorities above it, nearest first."""

    leaf: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes
    authorities: tuple[Authority, ...]

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        return (self.leaf, *(a.certificate for a in self.authorities))

    @property
    def pem(self) -> bytes:
        return pem_of(self.certificates)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)

    @property
    def root_pem(self) -> bytes:
        return self.authorities[-1].pem

    @property
    def signer(self) -> KeySigner:
        return KeySigner(self.key, Credential.from_pem(self.pem))

    def trust(
        self, purpose: TrustPurpose = TrustPurpose.SIGNERS, tier: Tier = Tier.CURRENT, name: str = "throw-away"
    ) -> TrustStore:
        """A store that holds this chain's root and nothing else."""
        return TrustStore((TrustList(name, purpose, tier, self.root_pem),))


def pem_of(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def key_pem(key: CertificateIssuerPrivateKeyTypes, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def new_key(algorithm: Algorithm) -> CertificateIssuerPrivateKeyTypes:
    match algorithm:
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.ES384:
            return ec.generate_private_key(ec.SECP384R1())
        case Algorithm.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.PS256:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def authority(
    name: str, *, issuer: Authority | None = None, start: datetime = NOW - timedelta(days=1), usages: Sequence[str] = ()
) -> Authority:
    """A root, or an intermediate under `issuer`; for anything, unless limited to some usages."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = (
        _builder(subject, issuer.certificate.subject if issuer else subject, start, NOW + timedelta(days=30))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(u) for u in usages]), critical=False)
    signing_key = issuer.key if issuer else key
    return Authority(builder.sign(signing_key, hashes.SHA256()), key)


def chain(
    algorithm: Algorithm = Algorithm.ES256,
    *,
    name: str = "Throw-away signer",
    usages: Sequence[str] = (CLAIM_SIGNING, EMAIL_PROTECTION),
    start: datetime = NOW - timedelta(hours=1),
    end: datetime = NOW + timedelta(days=1),
    intermediate: bool = False,
    root: Authority | None = None,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Chain:
    """A leaf under a root, sound unless told otherwise."""
    root = root or authority("Throw-away root")
    above = (authority("Throw-away intermediate", issuer=root), root) if intermediate else (root,)
    key = key or new_key(algorithm)
    builder = (
        _builder(_name(name), above[0].certificate.subject, start, end)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above[0].certificate.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(u) for u in usages]), critical=False)
    return Chain(builder.sign(above[0].key, hashes.SHA256()), key, above)


@cache
def sound_chain(algorithm: Algorithm = Algorithm.ES256) -> Chain:
    """The same sound chain every time it is asked for, one for each algorithm."""
    return chain(algorithm)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Throw-away tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, start: datetime, end: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
