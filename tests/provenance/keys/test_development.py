from __future__ import annotations

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from provenance.errors import CredentialInvalid, CredentialMismatch, CredentialMissing, StorageError
from provenance.evidence import Tier
from provenance.keys import (
    DEVELOPMENT_ORGANISATION,
    Algorithm,
    Credential,
    create_development_credential,
    development_directory,
    retired_directory,
    rotate_development_credential,
    signer_from_uri,
)
from provenance.reader import C2paExaminer
from provenance.trust.store import TrustStore
from provenance.verdict import require_trusted
from tests.assets.attacks import signed
from tests.assets.chains import NOW, sound_chain


def rotated(home: str) -> bytes:
    """The chain of a new credential, as PEM: what crosses to another process."""
    return rotate_development_credential(Path(home), now=datetime.now(UTC)).pem


def modes(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.iterdir()]}


def test_development_credential_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_development_credential(tmp_path / "home", now=NOW)
    finally:
        os.umask(before)
    directory = development_directory(tmp_path / "home")
    assert modes(directory) == {"development": 0o700, "key.pem": 0o600, "chain.pem": 0o600}
    assert modes(tmp_path / "home") == {"home": 0o700, "keys": 0o700}  # database and objects come to lie beside the keys


def test_development_credential_signs_and_says_what_it_is(tmp_path: Path) -> None:
    made = create_development_credential(tmp_path, now=datetime.now(UTC))
    signer = signer_from_uri("development:", home=tmp_path)
    assert signer.credential.certificates == made.certificates
    assert signer.credential.development
    assert DEVELOPMENT_ORGANISATION in signer.credential.subject
    assert signer.credential.algorithm is Algorithm.ES256
    assert not sound_chain().signer.credential.development


def test_development_credential_is_not_replaced(tmp_path: Path) -> None:
    create_development_credential(tmp_path, now=NOW)
    before = (development_directory(tmp_path) / "key.pem").read_bytes()
    with pytest.raises(CredentialInvalid, match="already"):
        create_development_credential(tmp_path, now=NOW)
    assert (development_directory(tmp_path) / "key.pem").read_bytes() == before


@pytest.mark.parametrize("left", ["key.pem", "chain.pem"])
def test_half_a_development_credential_is_not_written_over(left: str, tmp_path: Path) -> None:
    development_directory(tmp_path).mkdir(parents=True)
    (development_directory(tmp_path) / left).write_text("precious")
    with pytest.raises(CredentialInvalid, match="already"):
        create_development_credential(tmp_path, now=NOW)
    assert (development_directory(tmp_path) / left).read_text() == "precious"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdopen", full)
    with pytest.raises(StorageError, match="No space left"):
        create_development_credential(tmp_path, now=NOW)
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_home_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StorageError) as caught:
        create_development_credential(tmp_path / "home", now=NOW)
    assert caught.value.code == "storage.failed"


def test_authoritys_private_key_is_nowhere(tmp_path: Path) -> None:
    made = create_development_credential(tmp_path, now=NOW)
    keys = []
    for path in tmp_path.rglob("*"):
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
            keys.append(serialization.load_pem_private_key(path.read_bytes(), password=None).public_key())
    leaf, authority = made.certificates
    assert keys == [leaf.public_key()]
    assert authority.public_key() not in keys
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["chain.pem", "key.pem"]


def test_development_leaf_lives_as_long_as_asked(tmp_path: Path) -> None:
    made = create_development_credential(tmp_path, now=NOW, days=7, organisation_unit='a/b,"c"' + "x" * 100)
    assert made.not_after - made.not_before == timedelta(days=7)
    (unit,) = made.certificates[0].subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    assert unit.value == ("abc" + "x" * 57)


def test_rotating_makes_a_new_credential_and_keeps_the_trust_in_the_old(tmp_path: Path) -> None:
    first = create_development_credential(tmp_path, now=datetime.now(UTC))
    before = signed(signer=signer_from_uri("development:", home=tmp_path))
    second = rotate_development_credential(tmp_path, now=datetime.now(UTC), days=7)
    signer = signer_from_uri("development:", home=tmp_path)
    assert signer.credential.certificates == second.certificates
    assert not set(second.certificates) & set(first.certificates)
    store = TrustStore.load(tmp_path, shipped=False)
    assert {entry.tier for entry in store.lists} == {Tier.DEVELOPMENT}
    for asset in (before, signed(signer=signer)):
        require_trusted(C2paExaminer(store).examine(asset))
    assert modes(retired_directory(tmp_path)).popitem()[1] == 0o600
    assert stat.S_IMODE(retired_directory(tmp_path).stat().st_mode) == 0o700


def test_every_authority_that_was_retired_is_kept(tmp_path: Path) -> None:
    create_development_credential(tmp_path, now=NOW)
    for _ in range(3):
        rotate_development_credential(tmp_path, now=NOW)
    retired = [path.read_bytes() for path in retired_directory(tmp_path).iterdir()]
    assert len(set(retired)) == 3
    assert not any(b"PRIVATE KEY" in pem for pem in retired)


def test_there_must_be_one_to_rotate(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissing, match="assay keys init"):
        rotate_development_credential(tmp_path, now=NOW)
    assert not development_directory(tmp_path).exists()


def test_a_crash_between_the_two_files_is_mended_by_rotating_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_development_credential(tmp_path, now=datetime.now(UTC))
    before = signed(signer=signer_from_uri("development:", home=tmp_path))
    rename, renamed = Path.rename, []

    def failing(path: Path, target: Path) -> Path:
        renamed.append(target.name)
        if target.name == "key.pem":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError, match="No space left"):
        rotate_development_credential(tmp_path, now=datetime.now(UTC))
    monkeypatch.undo()
    assert renamed[1:] == ["chain.pem", "key.pem"]
    with pytest.raises(CredentialMismatch):
        signer_from_uri("development:", home=tmp_path)
    rotate_development_credential(tmp_path, now=datetime.now(UTC))
    assert sorted(p.name for p in development_directory(tmp_path).iterdir()) == ["chain.pem", "key.pem", "retired"]
    store = TrustStore.load(tmp_path, shipped=False)
    for asset in (before, signed(signer=signer_from_uri("development:", home=tmp_path))):
        require_trusted(C2paExaminer(store).examine(asset))


def test_a_key_without_a_chain_is_told_the_way_out(tmp_path: Path) -> None:
    development_directory(tmp_path).mkdir(parents=True)
    (development_directory(tmp_path) / "key.pem").write_text("precious")
    with pytest.raises(CredentialMissing, match=r"move .* away and run `assay keys init`"):
        rotate_development_credential(tmp_path, now=NOW)
    assert [path.name for path in development_directory(tmp_path).iterdir()] == ["key.pem"]


def test_of_several_who_rotate_at_once_none_is_lost(tmp_path: Path) -> None:
    first = create_development_credential(tmp_path, now=datetime.now(UTC))
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        made = list(pool.map(rotated, [str(tmp_path)] * 8))
    in_force = signer_from_uri("development:", home=tmp_path).credential
    retired = {x509.load_pem_x509_certificates(p.read_bytes())[0] for p in retired_directory(tmp_path).iterdir()}
    authorities = {Credential.from_pem(pem).certificates[-1] for pem in made} | {first.certificates[-1]}
    assert retired | {in_force.certificates[-1]} == authorities
    assert len(retired) == 8


def test_a_chain_that_is_none_is_not_rotated_away(tmp_path: Path) -> None:
    create_development_credential(tmp_path, now=NOW)
    (development_directory(tmp_path) / "chain.pem").write_text("precious")
    with pytest.raises(CredentialInvalid, match="not a certificate chain"):
        rotate_development_credential(tmp_path, now=NOW)
    assert (development_directory(tmp_path) / "chain.pem").read_text() == "precious"
