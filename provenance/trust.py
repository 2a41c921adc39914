"""Whom we trust to sign: lists of anchors, each with a name, a purpose and a tier.

A list given for time-stamps must not anchor a signer, although the SDK lets it: `provenance.reader` compares the list that was
used with its purpose. This module reads files and checks that they hold certificates; it follows no address.

    HOME/trust/signers/*.pem       tier "current"
    HOME/trust/legacy/*.pem        tier "legacy"; NAME.allowed.pem beside it lists end-entity certificates
    HOME/trust/timestamps/*.pem    for time-stamps only
    HOME/keys/development/chain.pem    tier "development"
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from provenance.errors import TrustStoreError
from provenance.evidence import Tier
from provenance.keys import development_directory


class TrustPurpose(StrEnum):
    """What a list's anchors are good for; the values are the SDK's own names."""

    SIGNERS = "manifest"
    TIMESTAMPS = "tsa"
    IDENTITIES = "cawg"


_PURPOSES: Final = (TrustPurpose.SIGNERS, TrustPurpose.TIMESTAMPS, TrustPurpose.IDENTITIES)
_TIERS: Final = (Tier.CURRENT, Tier.LEGACY, Tier.DEVELOPMENT)


@dataclass(frozen=True, slots=True)
class TrustList:
    """Anchors under one name."""

    name: str
    purpose: TrustPurpose
    tier: Tier
    anchors_pem: bytes
    allowed_pem: bytes = b""
    """End-entity certificates that are trusted themselves, without a chain."""

    def __post_init__(self) -> None:
        for pem in filter(None, (self.anchors_pem, self.allowed_pem)):
            try:
                x509.load_pem_x509_certificates(pem)
            except ValueError as err:
                raise TrustStoreError(f"trust list {self.name} holds no readable PEM certificates: {err}") from err
        if not self.anchors_pem and not self.allowed_pem:
            raise TrustStoreError(f"trust list {self.name} is empty")

    @property
    def uri(self) -> str:
        """The name the SDK reports back for a signer found on this list."""
        return f"urn:assay:trust:{self.purpose.value}:{self.tier.value}:{self.name}"

    @property
    def sha256(self) -> str:
        """Digest of anchors and allowed certificates."""
        return hashlib.sha256(self.anchors_pem + b"\0" + self.allowed_pem).hexdigest()


@dataclass(frozen=True, slots=True)
class TrustStore:
    """All lists in force. An empty store trusts nobody, which is a valid thing to want."""

    lists: tuple[TrustList, ...] = ()

    def __post_init__(self) -> None:
        uris = [entry.uri for entry in self.lists]
        if len(set(uris)) != len(uris):
            raise TrustStoreError(f"two trust lists of one name: {sorted(uris)}")

    @classmethod
    def load(cls, home: Path, extra: Sequence[Path] = ()) -> TrustStore:
        """The lists under `home`, and PEM files of signers' anchors named on the way.

        Raises:
            TrustStoreError: A file is unreadable or holds no certificate.
        """
        folders = (
            ("signers", TrustPurpose.SIGNERS, Tier.CURRENT),
            ("legacy", TrustPurpose.SIGNERS, Tier.LEGACY),
            ("timestamps", TrustPurpose.TIMESTAMPS, Tier.CURRENT),
        )
        lists = [entry for folder, purpose, tier in folders for entry in _lists_in(home / "trust" / folder, purpose, tier)]
        lists += [TrustList(f"file:{path}", TrustPurpose.SIGNERS, Tier.CURRENT, _read(path)) for path in extra]
        chain = development_directory(home) / "chain.pem"
        if chain.exists():
            lists.append(TrustList("development", TrustPurpose.SIGNERS, Tier.DEVELOPMENT, _last_certificate(chain)))
        return cls(tuple(lists))

    def by_uri(self, uri: str | None) -> TrustList | None:
        """The list the SDK named, or None."""
        return next((entry for entry in self.lists if entry.uri == uri), None)

    def list_of_signer(self, named_uri: str, chain: Sequence[x509.Certificate]) -> TrustList | None:
        """The list a signer is on, the best of them if there are several; None when that is not clear.

        Args:
            named_uri: What the SDK named: a random one of the lists that hold the anchor; empty for an allowed certificate.
            chain: The signer's certificates, leaf first; the SDK has verified them up to an anchor of the named list.
        """
        named = self.by_uri(named_uri)
        if named is None:
            found = [entry for entry in self.lists if chain[0] in _certificates(entry.allowed_pem)] if not named_uri else []
        else:
            anchors = [a for a in _certificates(named.anchors_pem) if self._on_others(a, named) and _issued(chain, a)]
            found = [named, *(e for e in self.lists if any(a in _certificates(e.anchors_pem) for a in anchors))]
        return min(found, key=lambda entry: (_PURPOSES.index(entry.purpose), _TIERS.index(entry.tier)), default=None)

    def _on_others(self, anchor: x509.Certificate, named: TrustList) -> bool:
        return any(anchor in _certificates(entry.anchors_pem) for entry in self.lists if entry != named)

    def including(self, entry: TrustList) -> TrustStore:
        """This store and one more list; the same store if it is there already."""
        return self if self.by_uri(entry.uri) else TrustStore((*self.lists, entry))

    @property
    def versions(self) -> Mapping[str, str]:
        """Name and digest of each list, for reports."""
        return {
            f"trust:{entry.purpose.value}:{entry.tier.value}:{entry.name}": f"sha256:{entry.sha256}" for entry in self.lists
        }


@lru_cache(maxsize=64)
def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(pem)) if pem else ()


def _issued(chain: Sequence[x509.Certificate], anchor: x509.Certificate) -> bool:
    """Whether `chain` leads from its leaf to `anchor` without a gap."""
    for certificate, above in zip_longest(chain, chain[1:]):
        if certificate == anchor or _is_issuer(anchor, certificate):
            return True
        if above is None or not _is_issuer(above, certificate):
            return False
    return False


def _is_issuer(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _lists_in(folder: Path, purpose: TrustPurpose, tier: Tier) -> Iterator[TrustList]:
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.pem")):
        if path.name.endswith(".allowed.pem"):
            continue
        allowed = path.with_name(path.stem + ".allowed.pem")
        yield TrustList(path.stem, purpose, tier, _read(path), _read(allowed) if allowed.exists() else b"")


def _last_certificate(chain: Path) -> bytes:
    try:
        return x509.load_pem_x509_certificates(_read(chain))[-1].public_bytes(encoding=serialization.Encoding.PEM)
    except ValueError as err:
        raise TrustStoreError(f"{chain} holds no readable PEM certificates: {err}") from err


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise TrustStoreError(f"cannot read trust anchors from {path}: {err.strerror}") from err
