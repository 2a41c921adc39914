"""Whom we trust to sign: lists of anchors, each with a name, a purpose and a tier.

A list given for time-stamps must not anchor a signer, although the SDK lets it: `provenance.validation.signer_standing`
looks for the list itself. This module reads files and checks that they hold certificates; it follows no address.

    published lists                shipped, or newer in HOME/trust/lists: see `provenance.trust.snapshots`
    HOME/trust/signers/*.pem       tier "current"
    HOME/trust/legacy/*.pem        tier "legacy"; NAME.allowed.pem beside it lists end-entity certificates
    HOME/trust/timestamps/*.pem    for time-stamps only
    HOME/trust/identities/*.pem    for identities (CAWG) only
    HOME/keys/development/chain.pem            tier "development"
    HOME/keys/development/retired/*.pem        the same, for marks made before the credential was rotated
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from provenance.errors import TrustListStale, TrustStoreError
from provenance.evidence import Tier
from provenance.keys import development_directory, retired_directory
from provenance.trust.list_kind import ListKind
from provenance.trust.snapshots import Publication, snapshots_in_force


class TrustPurpose(StrEnum):
    """What a list's anchors are good for; the values are the SDK's own names."""

    SIGNERS = "manifest"
    TIMESTAMPS = "tsa"
    IDENTITIES = "cawg"


_STANDING: Final = {
    ListKind.SIGNERS: (TrustPurpose.SIGNERS, Tier.CURRENT),
    ListKind.LEGACY: (TrustPurpose.SIGNERS, Tier.LEGACY),
    ListKind.TIMESTAMPS: (TrustPurpose.TIMESTAMPS, Tier.CURRENT),
    ListKind.IDENTITIES: (TrustPurpose.IDENTITIES, Tier.CURRENT),
}


@dataclass(frozen=True, slots=True)
class TrustList:
    """Anchors under one name."""

    name: str
    purpose: TrustPurpose
    tier: Tier
    anchors_pem: bytes
    allowed_pem: bytes = b""
    """End-entity certificates that are trusted themselves, without a chain."""
    publication: Publication | None = None
    """Where a published list came from; None for an operator's own."""

    def __post_init__(self) -> None:
        for pem in filter(None, (self.anchors_pem, self.allowed_pem)):
            try:
                x509.load_pem_x509_certificates(pem)
            except (ValueError, x509.InvalidVersion) as err:
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

    @property
    def allowed_digests(self) -> str:
        """The allowed certificates as the SDK takes them too: Base64 SHA-256, one a line.

        Given whole, it parses all of them for every asset: 1.5 ms for the 117 of the interim list.
        """
        allowed = x509.load_pem_x509_certificates(self.allowed_pem) if self.allowed_pem else ()
        digests = (certificate.fingerprint(hashes.SHA256()) for certificate in allowed)
        return "".join(f"{base64.b64encode(digest).decode()}\n" for digest in digests)

    def age_days(self, at: datetime) -> int | None:
        """Days since the list was last taken from its publisher; None for one that nobody renews."""
        if self.publication is None or self.tier is Tier.LEGACY:
            return None
        return max(0, (at.date() - self.publication.confirmed).days)


@dataclass(frozen=True, slots=True)
class TrustStore:
    """All lists in force. An empty store trusts nobody, which is a valid thing to want."""

    lists: tuple[TrustList, ...] = ()

    def __post_init__(self) -> None:
        uris = [entry.uri for entry in self.lists]
        if len(set(uris)) != len(uris):
            raise TrustStoreError(f"two trust lists of one name: {sorted(uris)}")

    @classmethod
    def load(cls, home: Path, extra: Sequence[Path] = (), *, shipped: bool = True) -> TrustStore:
        """The published lists, those under `home`, and PEM files of signers' anchors named on the way.

        Args:
            home: Folder of this installation.
            extra: PEM files.
            shipped: Whether the lists that come with Assay count where none was installed.

        Raises:
            TrustStoreError: A file is unreadable, holds no certificate or does not have its digest.
        """
        lists = [
            TrustList(entry.name, *_STANDING[entry.kind], entry.anchors_pem, entry.allowed_pem, entry.publication)
            for entry in snapshots_in_force(home, shipped=shipped)
        ]
        for folder, (purpose, tier) in _STANDING.items():
            lists += _lists_in(home / "trust" / folder, purpose, tier)
        lists += [TrustList(f"file:{path}", TrustPurpose.SIGNERS, Tier.CURRENT, _read(path)) for path in extra]
        return cls((*lists, *_development_lists(home)))

    def older_than(self, days: int, at: datetime) -> tuple[TrustList, ...]:
        """Published lists that were last taken from their publisher more than `days` before `at`."""
        return tuple(entry for entry in self.lists if (age := entry.age_days(at)) is not None and age > days)

    def require_fresh(self, days: int, at: datetime) -> None:
        """Return only if no published list is older than `days`.

        Raises:
            TrustListStale: One is.
        """
        stale = self.older_than(days, at)
        if stale:
            named = ", ".join(f"{entry.name} ({entry.age_days(at)} days)" for entry in stale)
            raise TrustListStale(f"trust lists older than the {days} days allowed: {named}; run `assay trust update`")

    @property
    def versions(self) -> Mapping[str, str]:
        """Name and digest of each list, and the date of a published one, for reports."""
        dates = (f"{entry.publication.issued} " if entry.publication else "" for entry in self.lists)
        return {
            f"trust:{entry.purpose.value}:{entry.tier.value}:{entry.name}": f"{date}sha256:{entry.sha256}"
            for entry, date in zip(self.lists, dates, strict=True)
        }


def _lists_in(folder: Path, purpose: TrustPurpose, tier: Tier) -> Iterator[TrustList]:
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.pem")):
        if path.name.endswith(".allowed.pem"):
            continue
        allowed = path.with_name(path.stem + ".allowed.pem")
        yield TrustList(path.stem, purpose, tier, _read(path), _read(allowed) if allowed.exists() else b"")


def _development_lists(home: Path) -> Iterator[TrustList]:
    """The authority of the development credential and those that were rotated away, on one list; nothing without any."""
    chain = development_directory(home) / "chain.pem"
    paths = [*([chain] if chain.exists() else []), *sorted(retired_directory(home).glob("*.pem"))]
    if paths:
        anchors = b"".join(_last_certificate(path) for path in paths)
        yield TrustList("development", TrustPurpose.SIGNERS, Tier.DEVELOPMENT, anchors)


def _last_certificate(chain: Path) -> bytes:
    try:
        return x509.load_pem_x509_certificates(_read(chain))[-1].public_bytes(encoding=serialization.Encoding.PEM)
    except (ValueError, x509.InvalidVersion) as err:
        raise TrustStoreError(f"{chain} holds no readable PEM certificates: {err}") from err


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise TrustStoreError(f"cannot read trust anchors from {path}: {err.strerror}") from err
