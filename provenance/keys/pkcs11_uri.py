"""PKCS #11 URIs: which key on which token, the module that talks to it, and where the PIN is.

    pkcs11:token=assay;object=signer;id=%01?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/secrets/pin

`token` or `serial` names the token, `object` or `id` the private key; attributes that are not listed here are refused, because
leaving one out could choose another key. `chain=FILE` is ours: certificates in PEM, leaf first, where the token has none.

Source: RFC 7512.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from provenance.errors import CredentialInvalid, CredentialMissing
from provenance.keys.named_files import read_named

_PATH_ATTRIBUTES: Final = frozenset({"token", "serial", "object", "id", "type"})
_QUERY_ATTRIBUTES: Final = frozenset({"module-path", "pin-source", "pin-value", "chain"})
_SECRET: Final = re.compile(r"(?<=pin-value=)[^&]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Uri:
    """One key on one token."""

    module_path: Path
    """The shared library of the token's maker."""
    token: str | None = None
    """Label of the token."""
    serial: str | None = None
    object: str | None = None
    """Label of the private key."""
    id: bytes | None = None
    """CKA_ID of the private key, and of its certificate."""
    chain: Path | None = None
    """Certificates in PEM, leaf first; none: they are on the token."""
    pin_source: Path | None = None
    pin_value: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, uri: str) -> Pkcs11Uri:
        """The parts of `uri`.

        Raises:
            CredentialInvalid: It is malformed, or says too little or too much to name one key.
        """
        path, _, query = uri.removeprefix("pkcs11:").partition("?")
        named = _attributes(path, ";", _PATH_ATTRIBUTES)
        asked = _attributes(query, "&", _QUERY_ATTRIBUTES)
        if named.pop("type", b"private") != b"private":
            raise CredentialInvalid("a PKCS #11 URI of a signer names a private key: leave `type` out, or say type=private")
        if not {"token", "serial"} & named.keys() or not {"object", "id"} & named.keys():
            raise CredentialInvalid("a PKCS #11 URI of a signer needs token= or serial=, and object= or id=")
        if "module-path" not in asked:
            raise CredentialInvalid("a PKCS #11 URI of a signer needs module-path=, the library that talks to the token")
        if {"pin-source", "pin-value"} <= asked.keys():
            raise CredentialInvalid("a PKCS #11 URI has a pin-source or a pin-value, not both")
        identifier = named.pop("id", None)
        text = {name: _text(name, value) for name, value in (named | asked).items()}
        return cls(
            module_path=_file("module-path", text["module-path"]),
            token=text.get("token"),
            serial=text.get("serial"),
            object=text.get("object"),
            id=identifier,
            chain=_file("chain", text["chain"]) if "chain" in text else None,
            pin_source=_file("pin-source", text["pin-source"]) if "pin-source" in text else None,
            pin_value=text.get("pin-value"),
        )

    def pin(self) -> str | None:
        """The PIN, read anew from its source; None where the URI names none.

        Raises:
            CredentialMissing: The source cannot be read.
        """
        if self.pin_source is None:
            return self.pin_value
        try:
            return read_named(self.pin_source, what="PIN").decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            # Without its cause: the exception holds what was read.
            raise CredentialMissing(f"no PIN in {self.pin_source}: it is not UTF-8") from None


def without_pin(uri: str) -> str:
    """A signer's URI as it may be shown: with a PIN that was written into it blotted out."""
    return _SECRET.sub("***", uri)


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name not in known:
            # Behind a PIN, it may be the rest of one that has an "&" in it.
            shown = "such attribute" if "pin-value" in found else f"attribute {name[:40]!r}"
            raise CredentialInvalid(f"a PKCS #11 URI of a signer has no {shown} there; {', '.join(sorted(known))}")
        if name in found:
            raise CredentialInvalid(f"a PKCS #11 URI names {name} twice")
        found[name] = unquote_to_bytes(value)
    return found


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as err:
        raise CredentialInvalid(f"{name} of a PKCS #11 URI is not UTF-8") from err


def _file(name: str, text: str) -> Path:
    path = text.removeprefix("file:")
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path.startswith("/") or "\0" in path:
        raise CredentialInvalid(f"{name} of a PKCS #11 URI is the absolute path of a file")
    return Path(path)
