"""Files that the URI of a signer names: chains, PINs and tokens, read with a limit, whatever the name turns out to lead to."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from provenance.errors import CredentialInvalid, CredentialMissing
from provenance.keys.credential import Credential

MAX_BYTES: Final = 2**20


def named_path(name: str) -> Path:
    """The path called `name`, "~" taken for a home directory.

    Raises:
        CredentialInvalid: It is the name of no file.
    """
    try:
        path = Path(name).expanduser()
    except RuntimeError as err:
        raise CredentialInvalid(f"whose home directory is meant by {name[:200]!r} is not known") from err
    if "\0" in name:
        raise CredentialInvalid("a signer's URI names a file with a zero byte in its name")
    return path


def read_limited(file: BinaryIO, name: Path) -> bytes:
    """All of `file`, called `name` in the message.

    Raises:
        CredentialInvalid: It is longer than `MAX_BYTES`.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CredentialInvalid(f"{name} is longer than the {MAX_BYTES} bytes that are read of it")
    return data


def read_named(path: Path, *, what: str) -> bytes:
    """The content of the file at `path`.

    Raises:
        CredentialMissing: It cannot be read; `what` says in the message what is missing then.
        CredentialInvalid: It is longer than `MAX_BYTES`.
    """
    try:
        with path.open("rb") as file:
            return read_limited(file, path)
    except OSError as err:
        raise CredentialMissing(f"no {what} in {path} ({err.strerror})") from err


def chain_from_file(path: Path) -> Credential:
    """The chain in the PEM file at `path`.

    Raises:
        CredentialMissing: It cannot be read.
        CredentialInvalid: It is no chain that may sign claims; the class and its code say why.
    """
    return Credential.from_pem(read_named(path, what="certificates"))
