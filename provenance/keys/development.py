"""The development credential of an installation: an authority and a leaf under it, which prove nothing to anyone else.

    HOME/keys/development/key.pem, chain.pem    in force
    HOME/keys/development/retired/*.pem         authorities of earlier ones: what those signed still reads as development

An authority's key is thrown away once its leaf is made: nothing needs a second leaf, and a key that does not exist cannot leak.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.errors import CredentialInvalid, CredentialMissing, StorageError
from provenance.keys.certificates import UNREADABLE
from provenance.keys.credential import DEVELOPMENT_ORGANISATION, Credential
from provenance.keys.directory import CHAIN_FILE, KEY_FILE
from provenance.keys.profile import CLAIM_SIGNING_USAGES
from provenance.keys.signatures import Algorithm

_AUTHORITY_DAYS: Final = 3650


def development_directory(home: Path) -> Path:
    """Where the development credential of the installation at `home` lies."""
    return home / "keys" / "development"


def retired_directory(home: Path) -> Path:
    """Where the authorities of earlier development credentials lie, one PEM file each; it may not exist."""
    return development_directory(home) / "retired"


def create_development_credential(home: Path, *, now: datetime, days: int = 90, organisation_unit: str = "local") -> Credential:
    """Make a development authority and a leaf under it, P-256, in `home`/keys/development, files 0600.

    Args:
        home: The installation's folder.
        now: Start of validity, with a time zone.
        days: Validity of the leaf.
        organisation_unit: Shown in the subject, to tell installations apart.

    Raises:
        CredentialInvalid: There is one already: `rotate_development_credential` replaces it.
        StorageError: It could not be written, for example because the disk is full; nothing is left behind.
    """
    directory = development_directory(home)
    if directory.is_dir() and any(directory.iterdir()):
        raise CredentialInvalid(
            f"there is a development credential in {directory} already; `assay keys rotate` replaces it, and what it stamped "
            "still reads as of a development credential"
        )
    credential, key_pem = _new_credential(now, days, organisation_unit)
    _write_directory(directory, {CHAIN_FILE: credential.pem, KEY_FILE: key_pem})
    return credential


def rotate_development_credential(home: Path, *, now: datetime, days: int = 90, organisation_unit: str = "local") -> Credential:
    """Replace the development credential; the authority of the one before is kept under `retired_directory`.

    The old authority is put by first and the key replaced last, so that a crash in between loses no trust: the pair that is
    left does not fit, is refused by whoever reads it, and is replaced by rotating again. Who rotates at the same time waits.

    Args:
        home: The installation's folder.
        now: Start of validity, with a time zone.
        days: Validity of the leaf.
        organisation_unit: Shown in the subject, to tell installations apart.

    Raises:
        CredentialMissing: There is none to replace.
        CredentialInvalid: The one there has no readable chain.
        StorageError: It could not be written; the old one stays in force, unless the disk failed between the two files.
    """
    directory, retired = development_directory(home), retired_directory(home)
    credential, key_pem = _new_credential(now, days, organisation_unit)
    with _one_at_a_time(directory):
        authority = _authority_in_force(directory)
        try:
            retired.mkdir(mode=0o700, exist_ok=True)
            name = f"{authority.fingerprint(hashes.SHA256()).hex()[:16]}.pem"
            _replace_file(retired / name, authority.public_bytes(serialization.Encoding.PEM))
            _replace_file(directory / CHAIN_FILE, credential.pem)
            _replace_file(directory / KEY_FILE, key_pem)
        except OSError as err:
            raise StorageError(f"cannot write a credential to {directory}: {err.strerror or err}") from err
    return credential


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """Two that rotate at once would leave the key of one and the chain of the other, and lose the trust in a third."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as err:
        raise CredentialMissing(f"no development credential in {directory} ({err.strerror}); run `assay keys init`") from err
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _authority_in_force(directory: Path) -> x509.Certificate:
    chain = directory / CHAIN_FILE
    try:
        return x509.load_pem_x509_certificates(chain.read_bytes())[-1]
    except OSError as err:
        raise CredentialMissing(
            f"no certificates in {chain} ({err.strerror}); move {directory} away and run `assay keys init`"
        ) from err
    except UNREADABLE as err:
        raise CredentialInvalid(
            f"{chain} is not a certificate chain in PEM: {err}; move {directory} away and run `assay keys init`"
        ) from err


def _new_credential(now: datetime, days: int, organisation_unit: str) -> tuple[Credential, bytes]:
    """A new credential, and its private key as PEM."""
    authority_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start = now.astimezone(UTC).replace(microsecond=0) - timedelta(minutes=5)  # clocks of one house disagree by a little
    authority_name = _name("Development authority", organisation_unit)
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), start, start + timedelta(days=_AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    leaf_name = _name("Development signer", organisation_unit)
    leaf = (
        _builder(leaf_name, authority_name, leaf_key.public_key(), start, start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in CLAIM_SIGNING_USAGES]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8
    key_pem = leaf_key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    return Credential((leaf, authority), Algorithm.ES256), key_pem


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
                    file.flush()
                    os.fsync(descriptor)
            unfinished.rename(directory)
    except OSError as err:
        raise StorageError(f"cannot write a credential to {directory}: {err.strerror or err}") from err


def _replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path`, 0600, on the disk before it takes the name."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp: 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).rename(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
