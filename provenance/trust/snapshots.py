"""Published trust lists as dated snapshots: certificates, where they came from, and the digest they must still have.

A snapshot is one list on one day: `KIND.json` says what it is, PEM files named after their digest hold the certificates. Some
are shipped beside this module; `assay trust update` installs newer ones under HOME/trust/lists. A file that does not have the
digest its index gives is refused: a list that was half written or changed by hand trusts nobody. The digest is no protection
from whoever can write both files. Nothing is fetched here.

    provenance/trust/published/DATE/KIND.json     shipped
    HOME/trust/lists/KIND.json                installed
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from provenance.errors import StorageError, TrustStoreError
from provenance.trust.list_kind import NAMES, ListKind

SHIPPED: Final = Path(__file__).with_name("published")
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a list came from and how old it is."""

    issued: date
    """Day its publisher dated it."""
    confirmed: date
    """Last day on which it was taken from its publisher; its age counts from here."""
    source: str
    """Address or file name it was taken from."""
    checked: str
    """What vouched for it when it was taken in, such as "sha256 given by the operator"."""
    terms: str = ""
    """Licence and attribution."""
    pinned: bool = False
    """Installed in spite of a newer one: it stays in force when Assay ships a newer one."""


@dataclass(frozen=True, slots=True)
class ListSnapshot:
    """One list on one day; build it with `snapshot_of`, which brings the certificates into the order digests rely on."""

    kind: ListKind
    publication: Publication
    anchors_pem: bytes = field(repr=False)
    allowed_pem: bytes = field(default=b"", repr=False)
    """End-entity certificates that are trusted themselves, without a chain."""

    @property
    def name(self) -> str:
        """How reports call it."""
        return NAMES[self.kind]

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Anchors, then allowed certificates."""
        return tuple(c for pem in (self.anchors_pem, self.allowed_pem) if pem for c in x509.load_pem_x509_certificates(pem))


def snapshot_of(kind: ListKind, certificates: Iterable[x509.Certificate], publication: Publication) -> ListSnapshot:
    """The snapshot of these certificates, whatever order or comments they were published with.

    A certificate that may issue others is an anchor. One that may not is trusted itself, which only the legacy list does.

    Raises:
        TrustStoreError: There is no certificate, or an end-entity certificate on a list of anchors.
    """
    unique = {c.fingerprint(hashes.SHA256()): c for c in certificates}
    ordered = [unique[digest] for digest in sorted(unique)]
    anchors = [c for c in ordered if _may_issue(c)]
    allowed = [c for c in ordered if not _may_issue(c)]
    if not ordered:
        raise TrustStoreError("the list holds no certificate")
    if allowed and kind is not ListKind.LEGACY:
        raise TrustStoreError(f"not an authority, so no trust anchor: {allowed[0].subject.rfc4514_string()}")
    return ListSnapshot(kind, publication, _pem(anchors), _pem(allowed))


def snapshots_in_force(home: Path, *, shipped: bool = True) -> tuple[ListSnapshot, ...]:
    """At most one list of each kind: the installed one, or the shipped one where that is newer or nothing is installed.

    Raises:
        TrustStoreError: One cannot be read, or is not what its index says.
    """
    found = {snapshot.kind: snapshot for snapshot in (shipped_snapshots() if shipped else ())}
    for snapshot in read_snapshots(installed_directory(home)):
        ours = found.get(snapshot.kind)
        if ours is None or snapshot.publication.pinned or snapshot.publication.issued >= ours.publication.issued:
            found[snapshot.kind] = snapshot
    return tuple(found[kind] for kind in ListKind if kind in found)


def installed_directory(home: Path) -> Path:
    """Where `assay trust update` puts lists."""
    return home / "trust" / "lists"


@lru_cache(maxsize=1)
def shipped_snapshots() -> tuple[ListSnapshot, ...]:
    """The newest shipped list of each kind.

    Raises:
        TrustStoreError: They are not there, or one is not what its index says.
    """
    try:
        dated = sorted(path for path in SHIPPED.iterdir() if path.is_dir())
    except OSError as err:
        raise TrustStoreError(f"the trust lists that come with Assay are not there: {err.strerror}") from err
    newest = {snapshot.kind: snapshot for folder in dated for snapshot in read_snapshots(folder)}
    return tuple(newest[kind] for kind in ListKind if kind in newest)


def read_snapshots(folder: Path) -> tuple[ListSnapshot, ...]:
    """The lists in `folder`; none where there is no folder.

    Raises:
        TrustStoreError: One cannot be read, or is not what its index says.
    """
    indexes = ((kind, folder / f"{kind}.json") for kind in ListKind)
    return tuple(_read(kind, path) for kind, path in indexes if path.exists())


def write_snapshot(folder: Path, snapshot: ListSnapshot) -> None:
    """Put `snapshot` in the place of the list of its kind in `folder`, at once or not at all.

    PEM files of earlier ones stay: another process may be reading them, and they say what was trusted before.

    Raises:
        StorageError: It cannot be written; the list that was there still is.
    """
    values = asdict(snapshot.publication)
    index: dict[str, Any] = {"format": _FORMAT, "kind": snapshot.kind, "name": snapshot.name, **values}
    index |= {"issued": values["issued"].isoformat(), "confirmed": values["confirmed"].isoformat()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for role, pem in (("anchors", snapshot.anchors_pem), ("allowed", snapshot.allowed_pem)):
            digest = hashlib.sha256(pem).hexdigest()
            file = f"{snapshot.kind}-{role}-{digest[:12]}.pem"
            index[role] = {"file": file, "sha256": digest, "certificates": _count(pem)} if pem else None
            if pem:
                _replace(folder / file, pem)
        _replace(folder / f"{snapshot.kind}.json", (json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as err:
        raise StorageError(f"cannot write the trust list to {folder}: {err.strerror}") from err


def _read(kind: ListKind, path: Path) -> ListSnapshot:
    try:
        index = json.loads(path.read_bytes())
        if (index["format"], index["kind"]) != (_FORMAT, kind):
            raise TrustStoreError(f"{path} is no index of a {kind} list of format {_FORMAT}")
        known = {entry.name: index[entry.name] for entry in fields(Publication)}
        if not isinstance(known["pinned"], bool):
            raise TypeError("pinned is neither true nor false")
        for name in ("source", "checked", "terms"):
            known[name].encode()  # text, and such as can be printed
        known |= {"issued": date.fromisoformat(known["issued"]), "confirmed": date.fromisoformat(known["confirmed"])}
        anchors, allowed = (_pem_of(path, index[role]) for role in ("anchors", "allowed"))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as err:
        raise TrustStoreError(f"{path} is no index of a trust list: {type(err).__name__}: {err}") from err
    except OSError as err:
        raise TrustStoreError(f"cannot read the trust list {path}: {err.strerror}") from err
    return ListSnapshot(kind, Publication(**known), anchors, allowed)


def _pem_of(index: Path, entry: Mapping[str, Any] | None) -> bytes:
    if entry is None:
        return b""
    file = str(entry["file"])
    if Path(file).name != file:
        raise ValueError(f"{file!r} is no plain file name")
    pem = (index.parent / file).read_bytes()
    if hashlib.sha256(pem).hexdigest() != entry["sha256"]:
        raise TrustStoreError(f"{index.parent / file} does not have the digest that {index.name} gives")
    return pem


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.DuplicateExtension, x509.ExtensionNotFound, ValueError):
        return False


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def _count(pem: bytes) -> int:
    return pem.count(b"-----BEGIN CERTIFICATE-----")


def _replace(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)  # public data; mkstemp keeps it to its owner
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
