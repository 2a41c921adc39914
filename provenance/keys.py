"""Signing credentials and the signers that hold their keys.

A credential is a certificate chain; a signer can sign with its key and may never show it. `signer_from_uri` names them:

    file:DIR        key.pem and chain.pem in a directory
    development:    the development credential of this installation, made by `create_development_credential`

A development credential proves nothing to anyone else. `file:` refuses one, so that a service cannot sign with it by accident:
writing `development:` is how it is told to.

Source: C2PA Technical Specification 2.3, "Digital signatures" and "X.509 certificates"; RFC 9053 (raw ECDSA signatures).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.errors import CredentialExpired, CredentialInvalid, CredentialMissing, StorageError

DEVELOPMENT_ORGANISATION: Final = "Assay development credential (proves nothing)"
CLAIM_SIGNING_USAGES: Final = (
    "1.3.6.1.4.1.62558.2.1",  # c2pa-kp-claimSigning
    "1.3.6.1.5.5.7.3.36",  # documentSigning
    "1.3.6.1.5.5.7.3.4",  # emailProtection, which the profile asked for before the two above existed
)
"""Extended key usages, any of which lets a certificate sign claims."""

_KEY_FILE: Final = "key.pem"
_CHAIN_FILE: Final = "chain.pem"


class Algorithm(StrEnum):
    """Signature algorithms C2PA allows and Assay signs with."""

    ES256 = "es256"
    ES384 = "es384"
    ED25519 = "ed25519"
    PS256 = "ps256"


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate chain, leaf first, and the algorithm its key signs with."""

    certificates: tuple[x509.Certificate, ...]
    algorithm: Algorithm

    @classmethod
    def from_pem(cls, pem: bytes) -> Credential:
        """The chain in `pem`, leaf first.

        Raises:
            CredentialInvalid: No certificate, one not issued by the next, a key of no allowed kind, or a leaf that may not sign
                claims.
        """
        try:
            certificates = tuple(x509.load_pem_x509_certificates(pem))
            for certificate, issuer in pairwise(certificates):
                certificate.verify_directly_issued_by(issuer)
            public_key = certificates[0].public_key()
        except Exception as err:  # cryptography raises ValueError, TypeError and InvalidSignature here
            raise CredentialInvalid(f"not a certificate chain, leaf first: {err or type(err).__name__}") from err
        leaf = certificates[0]
        if not may_sign_claims(leaf):
            found = ", ".join(sorted(extended_key_usages(leaf))) or "none"
            raise CredentialInvalid(f"the certificate may not sign claims: its extended key usages are {found}")
        return cls(certificates, _algorithm_of(public_key))

    @property
    def pem(self) -> bytes:
        """The chain as PEM, leaf first."""
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in self.certificates)

    @property
    def subject(self) -> str:
        """Subject of the leaf, RFC 4514."""
        return self.certificates[0].subject.rfc4514_string()

    @property
    def not_before(self) -> datetime:
        """Start of the leaf's validity, UTC."""
        return self.certificates[0].not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """End of the leaf's validity, UTC."""
        return self.certificates[0].not_valid_after_utc

    @property
    def development(self) -> bool:
        """Whether this is a credential made by `create_development_credential`."""
        names = self.certificates[0].subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return any(name.value == DEVELOPMENT_ORGANISATION for name in names)

    def require_current(self, at: datetime) -> None:
        """Return only if every certificate of the chain is valid at `at`.

        Raises:
            CredentialExpired: One is not.
        """
        for certificate in self.certificates:
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            if not start <= at <= end:
                subject = certificate.subject.rfc4514_string()
                raise CredentialExpired(
                    f"{subject} is valid from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, not at {at}"
                )


class Signer(Protocol):
    """Whoever holds the key of a credential."""

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated (RFC 9053).

        Raises:
            SignerUnavailable: Retry later.
            CredentialInvalid: Retrying will not help.
        """
        ...


class KeySigner:
    """A signer whose private key is in memory."""

    def __init__(self, key: PrivateKeyTypes, credential: Credential) -> None:
        """Pair a key with its chain.

        Raises:
            CredentialInvalid: The key is not the one the leaf certifies.
        """
        if _spki(key.public_key()) != _spki(credential.certificates[0].public_key()):
            raise CredentialInvalid("the private key is not the one the certificate is for")
        self._sign = _signing_function(key)
        self._credential = credential

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        return self._credential

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated."""
        return self._sign(payload)


def signer_from_uri(uri: str, *, home: Path) -> Signer:
    """The signer a URI names.

    Args:
        uri: `file:DIR` or `development:`.
        home: The installation's folder, where development credentials lie under `keys/development`.

    Raises:
        CredentialMissing: There is no key or chain where the URI points.
        CredentialInvalid: The URI is of no known scheme, key and chain do not fit, or `file:` names a development credential.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "development" and not rest:
        return _signer_from_directory(development_directory(home), "run `assay keys init` to make one")
    if scheme == "file" and rest:
        signer = _signer_from_directory(Path(rest.removeprefix("//")).expanduser(), "it needs key.pem and chain.pem")
        if signer.credential.development:
            raise CredentialInvalid("this is a development credential: name it as `development:` to sign with it all the same")
        return signer
    raise CredentialInvalid(f"a signer is named file:DIR or development:, not {uri!r}")


def development_directory(home: Path) -> Path:
    """Where the development credential of the installation at `home` lies."""
    return home / "keys" / "development"


def create_development_credential(home: Path, *, now: datetime, days: int = 90, organisation_unit: str = "local") -> Credential:
    """Make a development authority and a leaf under it, P-256, in `home`/keys/development, files 0600.

    Args:
        home: The installation's folder.
        now: Start of validity, with a time zone.
        days: Validity of the leaf.
        organisation_unit: Shown in the subject, to tell installations apart.

    Raises:
        CredentialInvalid: There is one already: replacing it would orphan everything it signed.
        StorageError: It could not be written, for example because the disk is full; nothing is left behind.
    """
    directory = development_directory(home)
    if directory.is_dir() and any(directory.iterdir()):
        raise CredentialInvalid(
            f"there is a development credential in {directory} already; without that folder a new one can be made, "
            "and what the old one stamped then reads as of an unknown signer"
        )
    authority_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start = now.astimezone(UTC).replace(microsecond=0) - timedelta(minutes=5)  # clocks of one house disagree by a little
    authority_name = _name("Development authority", organisation_unit)
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), start, start + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        _builder(
            _name("Development signer", organisation_unit),
            authority_name,
            leaf_key.public_key(),
            start,
            start + timedelta(days=days),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in CLAIM_SIGNING_USAGES]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    # The authority's key is thrown away: nothing needs a second leaf, and a key that does not exist cannot leak.
    credential = Credential((leaf, authority), Algorithm.ES256)
    private = serialization.PrivateFormat.PKCS8
    key_pem = leaf_key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    _write_directory(directory, {_CHAIN_FILE: credential.pem, _KEY_FILE: key_pem})
    return credential


def _signer_from_directory(directory: Path, hint: str) -> KeySigner:
    try:
        chain, key = (directory / _CHAIN_FILE).read_bytes(), (directory / _KEY_FILE).read_bytes()
    except OSError as err:
        raise CredentialMissing(f"no signing credential in {directory} ({err.strerror}); {hint}") from err
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except Exception as err:  # ValueError, TypeError (a password is needed), UnsupportedAlgorithm
        raise CredentialInvalid(f"{directory / _KEY_FILE} is not an unencrypted PEM private key: {err}") from err
    return KeySigner(private, Credential.from_pem(chain))


def _algorithm_of(key: object) -> Algorithm:
    if isinstance(key, ec.EllipticCurvePublicKey):
        by_curve = {"secp256r1": Algorithm.ES256, "secp384r1": Algorithm.ES384}
        if key.curve.name in by_curve:
            return by_curve[key.curve.name]
    if isinstance(key, ed25519.Ed25519PublicKey):
        return Algorithm.ED25519
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return Algorithm.PS256
    raise CredentialInvalid("the key must be P-256, P-384, Ed25519 or RSA of at least 2048 bits")


def _signing_function(key: PrivateKeyTypes) -> Callable[[bytes], bytes]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)
        return lambda payload: key.sign(payload, pss, hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        digest = hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA256()
        width = (key.curve.key_size + 7) // 8

        def sign(payload: bytes) -> bytes:
            r, s = utils.decode_dss_signature(key.sign(payload, ec.ECDSA(digest)))
            return r.to_bytes(width, "big") + s.to_bytes(width, "big")

        return sign
    raise CredentialInvalid(f"cannot sign with a {type(key).__name__}")


def may_sign_claims(leaf: x509.Certificate) -> bool:
    """Whether the extended key usages of an end-entity certificate include one of `CLAIM_SIGNING_USAGES`."""
    return not extended_key_usages(leaf).isdisjoint(CLAIM_SIGNING_USAGES)


def extended_key_usages(leaf: x509.Certificate) -> frozenset[str]:
    """Dotted object identifiers of the usages; empty where there are none or the extensions are malformed."""
    try:
        return frozenset(u.dotted_string for u in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, ValueError):  # ValueError: the extensions are malformed
        return frozenset()


def _spki(key: object) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form)  # type: ignore[attr-defined,no-any-return]  # every public key of cryptography has it


def _name(common_name: str, organisation_unit: str) -> x509.Name:
    unit = re.sub(r"[^\w .-]", "", organisation_unit)[:60] or "local"
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_ORGANISATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
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


def _write_directory(directory: Path, files: Mapping[str, bytes]) -> None:
    """Make `directory`, 0700 like the two folders above it if they are missing, with these files, 0600: all or nothing."""
    try:
        for folder in (directory.parent.parent, directory.parent):  # made by `parents`, a folder would be open to everyone
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent) as made:  # mkdtemp: 0700
            unfinished = Path(made) / directory.name
            unfinished.mkdir(mode=0o700)
            for name, data in files.items():
                descriptor = os.open(unfinished / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
            unfinished.rename(directory)
    except OSError as err:
        raise StorageError(f"cannot write a credential to {directory}: {err.strerror or err}") from err
