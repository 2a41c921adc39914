"""A credential in a directory: `key.pem`, an unencrypted private key, and `chain.pem`, its certificates, leaf first.

Both are read from one directory, whatever takes its name meanwhile, so a directory that is replaced as a whole never yields
the key of one credential and the chain of another. Where the two files are replaced one after the other, a pair that does not
fit is read again a moment later before it is refused.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from provenance.errors import CredentialInvalid, CredentialMismatch, CredentialMissing
from provenance.keys.credential import Credential
from provenance.keys.named_files import read_limited
from provenance.keys.signer import KeySigner

KEY_FILE: Final = "key.pem"
CHAIN_FILE: Final = "chain.pem"

_READINGS: Final = 3
_PAUSE_S: Final = 0.05


def signer_from_directory(directory: Path, *, hint: str) -> KeySigner:
    """The signer whose key and chain lie in `directory`.

    Args:
        directory: Where they lie.
        hint: What to do if they do not, for the message.

    Raises:
        CredentialMissing: One of the two cannot be read.
        CredentialMismatch: They do not belong together.
        CredentialInvalid: One of them is not what it should be.
    """
    for reading in range(1, _READINGS + 1):
        key, chain = _read_pair(directory, hint)
        try:
            return KeySigner(_private_key(key, directory), Credential.from_pem(chain))
        except CredentialMismatch as err:
            if reading == _READINGS:
                raise CredentialMismatch(f"{directory}: {err}") from err
            time.sleep(_PAUSE_S)
    raise AssertionError("the last reading returns or raises")


def _private_key(pem: bytes, directory: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except Exception as err:  # ValueError, TypeError (a password is needed), UnsupportedAlgorithm
        raise CredentialInvalid(f"{directory / KEY_FILE} is not an unencrypted PEM private key: {err}") from err


def _read_pair(directory: Path, hint: str) -> tuple[bytes, bytes]:
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return _read_in(folder, KEY_FILE), _read_in(folder, CHAIN_FILE)
        finally:
            os.close(folder)
    except OSError as err:
        raise CredentialMissing(f"no signing credential in {directory} ({err.strerror}); {hint}") from err


def _read_in(folder: int, name: str) -> bytes:
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
        return read_limited(file, Path(name))
