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
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from provenance.errors import TrustStoreError
from provenance.evidence import Tier
from provenance.keys import development_directory


class TrustPurpose(StrEnum):
    """What a list's anchors are good for; the values are the SDK's own names."""

    SIGNERS = "manifest"
    TIMESTAMPS = "tsa"
    IDENTITIES = "cawg"


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

    def allowing(self, certificate: x509.Certificate | None) -> TrustList | None:
        """The first list for signers that allows this very certificate, or None."""
        lists = (entry for entry in self.lists if entry.purpose is TrustPurpose.SIGNERS and entry.allowed_pem)
        return next((entry for entry in lists if certificate in x509.load_pem_x509_certificates(entry.allowed_pem)), None)

    def including(self, entry: TrustList) -> TrustStore:
        """This store and one more list; the same store if it is there already."""
        return self if self.by_uri(entry.uri) else TrustStore((*self.lists, entry))

    @property
    def versions(self) -> Mapping[str, str]:
        """Name and digest of each list, for reports."""
        return {
            f"trust:{entry.purpose.value}:{entry.name}": f"{entry.tier.value} sha256:{entry.sha256}" for entry in self.lists
        }


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
