"""Open the signer a URI names.

    development:        the development credential of this installation
    file:DIR            key.pem and chain.pem in a directory
    pkcs11:...          a key on a token, RFC 7512

Signers behind a network are opened by whoever may reach one: `api.signers` adds `awskms:` and `https:`. A development
credential proves nothing to anyone else, and `file:` refuses one, so that a service cannot sign with it by accident: writing
`development:` is how it is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from provenance.errors import CredentialInvalid
from provenance.keys.development import development_directory
from provenance.keys.directory import signer_from_directory
from provenance.keys.named_files import named_path
from provenance.keys.pkcs11 import open_pkcs11
from provenance.keys.signer import KeySigner, Signer

SignerOpener = Callable[[str], Signer]
"""Opens the signer of a whole URI."""

NO_FURTHER_SCHEMES: Final[Mapping[str, SignerOpener]] = MappingProxyType({})


def signer_from_uri(uri: str, *, home: Path, further: Mapping[str, SignerOpener] = NO_FURTHER_SCHEMES) -> Signer:
    """The signer a URI names.

    Args:
        uri: Of one of the schemes above.
        home: The installation's folder, where development credentials lie under `keys/development`.
        further: Openers of more schemes, by name.

    Raises:
        SignerUnavailable: Whoever holds the key is out of reach: retry.
        CredentialInvalid: The URI is of no known scheme, or what it names cannot sign; the class and its code say why.
    """
    openers: dict[str, SignerOpener] = {
        "development": lambda uri: _development(uri, home),
        "file": _file,
        "pkcs11": open_pkcs11,
        **further,
    }
    scheme, colon, _ = uri.partition(":")
    if not colon or scheme not in openers:
        # The rest of a URI that was meant for another scheme may hold a PIN.
        raise CredentialInvalid(
            f"a signer is named by a URI of {', '.join(f'{name}:' for name in openers)} not {scheme[:40]!r}"
        )
    return openers[scheme](uri)


def _development(uri: str, home: Path) -> KeySigner:
    if uri != "development:":
        raise CredentialInvalid("the development signer is named `development:`, with nothing behind it")
    return signer_from_directory(
        development_directory(home), hint="`assay keys init` makes one, `assay keys rotate` mends half of one"
    )


def _file(uri: str) -> KeySigner:
    rest = uri.removeprefix("file:").removeprefix("//")
    if not rest:
        raise CredentialInvalid("a signer whose key is in a file is named file:DIR")
    signer = signer_from_directory(named_path(rest), hint="it needs key.pem and chain.pem")
    if signer.credential.development:
        raise CredentialInvalid("this is a development credential: name it as `development:` to sign with it all the same")
    return signer
