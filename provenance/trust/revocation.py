"""Certificates an operator no longer trusts, whatever their issuers say: after a key was lost, OCSP is late or not stapled.

    HOME/trust/revoked/*.json

    {"revoked": [
      {"certificate_sha256": "<64 hexadecimal digits>", "since": "2026-11-01T00:00:00Z", "reason": "key compromise"},
      {"spki_sha256": "<64 hexadecimal digits>", "since": "2026-11-01T00:00:00Z"},
      {"issuer": "CN=Some CA,O=Some Company", "serial": "0a1b2c", "since": "2026-11-01T00:00:00Z"}
    ]}

A certificate is named by its own digest, by its public key's (which catches a renewal with the same key) or by issuer
(RFC 4514) and serial number (hexadecimal). What was signed before `since` still counts, if a trusted time-stamp shows that it
was. A list that cannot be read stops the program: trusting on would be the opposite of what its author wanted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.errors import TrustStoreError

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SERIAL: Final = re.compile(r"(0x)?[0-9a-f]{1,40}")
_NAMES: Final = (frozenset({"certificate_sha256"}), frozenset({"spki_sha256"}), frozenset({"issuer", "serial"}))
"""What may name a certificate; exactly one of these."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate or key that is no longer trusted; exactly one of the three names is set."""

    since: datetime
    """Signatures from then on do not count; with a time zone."""
    reason: str = ""
    certificate_sha256: str = ""
    spki_sha256: str = ""
    issuer: str = ""
    """RFC 4514, with `serial`."""
    serial: int = 0

    def names(self, certificate: x509.Certificate) -> bool:
        """Whether `certificate` is meant."""
        if self.certificate_sha256:
            return certificate.fingerprint(SHA256()).hex() == self.certificate_sha256
        if self.spki_sha256:
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return hashlib.sha256(key).hexdigest() == self.spki_sha256
        return certificate.serial_number == self.serial and certificate.issuer == x509.Name.from_rfc4514_string(self.issuer)


@dataclass(frozen=True, slots=True)
class Revocations:
    """All of them; empty by default."""

    entries: tuple[Revocation, ...] = ()
    sha256: str = ""
    """Digest of the files they come from; empty where there are none."""

    @classmethod
    def load(cls, home: Path) -> Revocations:
        """The lists under `home`.

        Raises:
            TrustStoreError: A file cannot be read or is not as described above.
        """
        entries: list[Revocation] = []
        digest = hashlib.sha256()
        paths = sorted((home / "trust" / "revoked").glob("*.json"))
        for path in paths:
            try:
                data = path.read_bytes()
                entries += _entries(json.loads(data))
            except (OSError, ValueError) as err:  # JSON and Unicode errors are ValueErrors
                raise TrustStoreError(f"the revocation list {path} cannot be used: {err}") from err
            digest.update(data)
        return cls(tuple(entries), digest.hexdigest() if paths else "")

    def of(self, chain: Iterable[x509.Certificate], *, signed_at: datetime | None) -> Revocation | None:
        """The first that names a certificate of `chain` and is not older than the signature; None if none does.

        Args:
            chain: The signer's certificates.
            signed_at: When it was signed by a trusted time-stamp; None: nobody knows, so it could have been yesterday.
        """
        certificates = list(chain) if self.entries else []
        return next(
            (
                entry
                for entry in self.entries
                if (signed_at is None or signed_at >= entry.since) and any(entry.names(c) for c in certificates)
            ),
            None,
        )


def _entries(document: object) -> list[Revocation]:
    if not isinstance(document, dict) or set(document) != {"revoked"} or not isinstance(document["revoked"], list):
        raise ValueError('it must be {"revoked": [...]}')
    return [_entry(item) for item in document["revoked"]]


def _entry(item: object) -> Revocation:
    if not isinstance(item, dict) or not all(isinstance(value, str) for value in item.values()):
        raise ValueError("an entry must be an object of texts")
    named = frozenset(item) - {"since", "reason"}
    if named not in _NAMES:
        raise ValueError("an entry is named by certificate_sha256, by spki_sha256, or by issuer and serial; nothing else")
    return Revocation(since=_since(item), reason=item.get("reason", ""), **_name(item))


def _name(item: Mapping[str, str]) -> dict[str, Any]:
    if "issuer" in item:
        serial = item["serial"].lower().replace(":", "")
        if not _SERIAL.fullmatch(serial):
            raise ValueError("serial must be hexadecimal")
        try:  # one that does not parse would name nobody, in silence
            x509.Name.from_rfc4514_string(item["issuer"])
        except ValueError as err:
            raise ValueError("issuer must be a name as RFC 4514 writes it, such as CN=Some CA,O=Some Company") from err
        return {"issuer": item["issuer"], "serial": int(serial, 16)}
    key = "certificate_sha256" if "certificate_sha256" in item else "spki_sha256"
    digest = item[key].lower().replace(":", "")
    if not _SHA256.fullmatch(digest):
        raise ValueError(f"{key} must be 64 hexadecimal digits")
    return {key: digest}


def _since(item: Mapping[str, str]) -> datetime:
    try:
        since = datetime.fromisoformat(item["since"])
    except (KeyError, ValueError) as err:
        raise ValueError("since must be a time in ISO 8601") from err
    if since.tzinfo is None:
        raise ValueError("since needs a time zone")
    return since
