"""Published lists on disk: the shipped ones are the official ones, and a list that is not what its index says trusts nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from provenance.errors import StorageError, TrustListStale, TrustStoreError
from provenance.evidence import Tier
from provenance.reader import C2paExaminer
from provenance.trust.list_kind import ListKind
from provenance.trust.snapshots import (
    SHIPPED,
    ListSnapshot,
    Publication,
    installed_directory,
    read_snapshots,
    shipped_snapshots,
    snapshot_of,
    snapshots_in_force,
    write_snapshot,
)
from provenance.trust.store import TrustPurpose, TrustStore
from provenance.verdict import ProvenanceState, VerdictPolicy
from tests.assets.attacks import signed
from tests.assets.chains import authority, chain, sound_chain

DAY = date(2026, 10, 1)


def publication(issued: date = DAY, **changes: Any) -> Publication:
    return replace(Publication(issued, issued, "https://lists.example/list.pem", "sha256 given by the operator"), **changes)


def a_list(kind: ListKind = ListKind.SIGNERS, issued: date = DAY, **changes: Any) -> ListSnapshot:
    return snapshot_of(kind, [sound_chain().authorities[-1].certificate], publication(issued, **changes))


def install(home: Path, snapshot: ListSnapshot) -> None:
    write_snapshot(installed_directory(home), snapshot)


def fingerprints(certificates: object) -> set[bytes]:
    return {certificate.fingerprint(hashes.SHA256()) for certificate in certificates}  # type: ignore[attr-defined]


# --- what is shipped


def test_shipped_lists_are_the_official_ones_of_their_day() -> None:
    counts = {s.kind: (s.anchors_pem.count(b"BEGIN"), s.allowed_pem.count(b"BEGIN")) for s in shipped_snapshots()}
    found = {s.kind: (s.publication.issued, *counts[s.kind]) for s in shipped_snapshots()}
    assert found == {
        ListKind.SIGNERS: (date(2026, 8, 5), 30, 0),
        ListKind.LEGACY: (date(2026, 1, 1), 26, 117),
        ListKind.TIMESTAMPS: (date(2026, 8, 5), 22, 0),
    }
    assert all("CC BY 4.0" in s.publication.terms and s.publication.source.startswith("https://") for s in shipped_snapshots())


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        (ListKind.SIGNERS, ["C2PA-TRUST-LIST.pem"]),
        (ListKind.TIMESTAMPS, ["C2PA-TSA-TRUST-LIST.pem"]),
        (ListKind.LEGACY, ["ITL-anchors.pem", "ITL-allowed.pem"]),
    ],
)
def test_shipped_certificates_are_those_published(kind: ListKind, files: list[str], shared: Path) -> None:
    published = [c for name in files for c in x509.load_pem_x509_certificates((shared / "c2pa/trust" / name).read_bytes())]
    (shipped,) = (s for s in shipped_snapshots() if s.kind is kind)
    assert fingerprints(shipped.certificates) == fingerprints(published)


def test_no_test_root_is_shipped(shared: Path) -> None:
    shipped = fingerprints(c for s in shipped_snapshots() for c in s.certificates)
    for name in ("c2pa-rs-test-roots.pem", "lab-roots.pem", "lab-tsa-root.pem"):
        assert not shipped & fingerprints(x509.load_pem_x509_certificates((shared / "c2pa/trust" / name).read_bytes())), name


def test_shipped_files_are_all_named_by_an_index() -> None:
    for folder in SHIPPED.iterdir():
        indexes = list(folder.glob("*.json"))
        named = {e["file"] for i in indexes for e in map(json.loads(i.read_text()).get, ("anchors", "allowed")) if e}
        assert {path.name for path in folder.iterdir()} == named | {i.name for i in indexes}


def test_purpose_and_tier_of_the_shipped_lists() -> None:
    found = {e.name: (e.purpose, e.tier) for e in TrustStore.load(Path("/nonexistent")).lists}
    assert found == {
        "c2pa-trust-list": (TrustPurpose.SIGNERS, Tier.CURRENT),
        "interim-trust-list": (TrustPurpose.SIGNERS, Tier.LEGACY),
        "c2pa-tsa-trust-list": (TrustPurpose.TIMESTAMPS, Tier.CURRENT),
    }


def test_a_stranger_is_no_more_trusted_for_the_shipped_lists(tmp_path: Path) -> None:
    verdict = VerdictPolicy().decide(C2paExaminer(TrustStore.load(tmp_path)).examine(signed()))
    assert verdict.state is ProvenanceState.UNKNOWN_SIGNER


def test_shipped_lists_can_be_switched_off(tmp_path: Path) -> None:
    assert TrustStore.load(tmp_path, shipped=False).lists == ()


# --- which list is in force


def in_force(home: Path) -> date:
    (found,) = (s for s in snapshots_in_force(home) if s.kind is ListKind.SIGNERS)
    return found.publication.issued


@pytest.mark.parametrize(
    ("issued", "pinned", "expected"),
    [
        (date(2026, 8, 6), False, date(2026, 8, 6)),
        (date(2026, 8, 4), False, date(2026, 8, 5)),  # Assay was updated since: what it ships is newer
        (date(2026, 8, 4), True, date(2026, 8, 4)),
    ],
)
def test_the_newer_of_installed_and_shipped_is_in_force(tmp_path: Path, issued: date, pinned: bool, expected: date) -> None:
    install(tmp_path, a_list(issued=issued, pinned=pinned))
    assert in_force(tmp_path) == expected


def test_an_installed_list_counts_without_the_shipped_ones(tmp_path: Path) -> None:
    install(tmp_path, a_list(issued=date(2020, 1, 1)))
    verdict = VerdictPolicy().decide(C2paExaminer(TrustStore.load(tmp_path, shipped=False)).examine(signed()))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.CURRENT)


def test_versions_name_list_date_and_digest(tmp_path: Path) -> None:
    install(tmp_path, a_list())
    (entry,) = TrustStore.load(tmp_path, shipped=False).lists
    assert TrustStore((entry,)).versions == {"trust:manifest:current:c2pa-trust-list": f"2026-10-01 sha256:{entry.sha256}"}


# --- writing and reading


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    both = snapshot_of(ListKind.LEGACY, [sound_chain().leaf, sound_chain().authorities[0].certificate], publication(terms="CC"))
    write_snapshot(tmp_path, both)
    assert read_snapshots(tmp_path) == (both,)
    assert (both.anchors_pem, both.allowed_pem) != (b"", b"")


def test_order_and_repetition_do_not_change_a_list() -> None:
    roots = [authority(f"Root {n}").certificate for n in range(4)]
    one = snapshot_of(ListKind.SIGNERS, roots, publication())
    assert one == snapshot_of(ListKind.SIGNERS, [*reversed(roots), roots[2]], publication())
    assert len(one.certificates) == 4


def test_a_second_list_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_snapshot(tmp_path, a_list())
    after = snapshot_of(ListKind.SIGNERS, [chain().authorities[-1].certificate], publication(DAY + timedelta(days=1)))
    write_snapshot(tmp_path, after)
    assert read_snapshots(tmp_path) == (after,)


@pytest.mark.parametrize("kind", [ListKind.SIGNERS, ListKind.TIMESTAMPS, ListKind.IDENTITIES])
def test_an_end_entity_is_no_anchor(kind: ListKind) -> None:
    with pytest.raises(TrustStoreError, match="not an authority"):
        snapshot_of(kind, [sound_chain().leaf], publication())


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(TrustStoreError, match="no certificate"):
        snapshot_of(ListKind.SIGNERS, [], publication())


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        write_snapshot(tmp_path / "file", a_list())


def _pem(folder: Path) -> Path:
    (path,) = folder.glob("*.pem")
    return path


def _index(folder: Path, **changes: Any) -> None:
    path = folder / "signers.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


LIES: dict[str, Callable[[Path], object]] = {
    "one more certificate": lambda f: _pem(f).write_bytes(_pem(f).read_bytes() + chain().root_pem),
    "the file of certificates is gone": lambda f: _pem(f).unlink(),
    "the file of certificates is cut short": lambda f: _pem(f).write_bytes(_pem(f).read_bytes()[:-9]),
    "the index is cut short": lambda f: (f / "signers.json").write_bytes((f / "signers.json").read_bytes()[:99]),
    "the index is no object": lambda f: (f / "signers.json").write_text("[]"),
    "another digest": lambda f: _index(f, anchors={"file": _pem(f).name, "sha256": "0" * 64, "certificates": 1}),
    "a path out of the folder": lambda f: _index(f, anchors={"file": f"../{f.name}/{_pem(f).name}", "sha256": "0" * 64}),
    "another kind": lambda f: _index(f, kind="timestamps"),
    "a later format": lambda f: _index(f, format=2),
    "no date": lambda f: _index(f, issued="yesterday"),
    "neither pinned nor not": lambda f: _index(f, pinned="no"),
    "a source that is no text": lambda f: _index(f, source=7),
    "a source that cannot be printed": lambda f: _index(f, source="\ud800"),
    "nothing in it": lambda f: _index(f, anchors=None, allowed=None),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_list_that_is_not_what_its_index_says_trusts_nobody(lie: str, tmp_path: Path) -> None:
    install(tmp_path, a_list())
    TrustStore.load(tmp_path)
    LIES[lie](installed_directory(tmp_path))
    with pytest.raises(TrustStoreError) as caught:
        TrustStore.load(tmp_path)
    assert caught.value.code == "trust.unusable"


# --- age

AT = datetime(2026, 12, 1, 12, tzinfo=UTC)


def store(tmp_path: Path, kind: ListKind = ListKind.SIGNERS, **changes: Any) -> TrustStore:
    install(tmp_path, a_list(kind, **changes))
    return TrustStore.load(tmp_path, shipped=False)


def test_age_counts_from_the_day_a_list_was_last_taken_from_its_publisher(tmp_path: Path) -> None:
    (entry,) = store(tmp_path, confirmed=date(2026, 11, 1)).lists
    assert entry.age_days(AT) == 30
    assert entry.age_days(AT - timedelta(days=300)) == 0


@pytest.mark.parametrize(("days", "stale"), [(60, True), (61, False)])
def test_a_list_is_stale_beyond_the_days_allowed(tmp_path: Path, days: int, stale: bool) -> None:
    found = store(tmp_path)  # 61 days before
    assert [entry.name for entry in found.older_than(days, AT)] == (["c2pa-trust-list"] if stale else [])
    if not stale:
        found.require_fresh(days, AT)
        return
    with pytest.raises(TrustListStale, match=r"c2pa-trust-list \(61 days\)") as caught:
        found.require_fresh(days, AT)
    assert caught.value.code == "trust.stale"


def test_a_frozen_list_and_ones_own_do_not_get_older(tmp_path: Path) -> None:
    (tmp_path / "trust" / "signers").mkdir(parents=True)
    (tmp_path / "trust" / "signers" / "mine.pem").write_bytes(sound_chain().root_pem)
    found = store(tmp_path, ListKind.LEGACY)
    assert [entry.age_days(AT) for entry in found.lists] == [None, None]
    found.require_fresh(1, AT)
