from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from provenance.errors import CredentialExpired, CredentialInvalid, CredentialMissing, StorageError
from provenance.keys import (
    DEVELOPMENT_ORGANISATION,
    Algorithm,
    Credential,
    KeySigner,
    create_development_credential,
    development_directory,
    signer_from_uri,
)
from provenance.reader import C2paExaminer
from provenance.verdict import require_trusted
from tests.assets.attacks import signed
from tests.assets.chains import (
    DOCUMENT_SIGNING,
    NOW,
    SERVER_AUTHENTICATION,
    TIME_STAMPING,
    Chain,
    chain,
    key_pem,
    new_key,
    pem_of,
    sound_chain,
)


def written(directory: Path, of: Chain, *, key: bytes | None = None, pem: bytes | None = None) -> str:
    directory.mkdir(exist_ok=True)
    (directory / "key.pem").write_bytes(of.key_pem if key is None else key)
    (directory / "chain.pem").write_bytes(of.pem if pem is None else pem)
    return f"file:{directory}"


def refusal(uri: str, home: Path) -> str:
    with pytest.raises(CredentialInvalid) as caught:
        signer_from_uri(uri, home=home)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_algorithm_signs_and_verifies_through_the_sdk(algorithm: Algorithm, tmp_path: Path) -> None:
    of = sound_chain(algorithm)
    signer = signer_from_uri(written(tmp_path / "keys", of), home=tmp_path)
    assert signer.credential.algorithm is algorithm
    require_trusted(C2paExaminer(of.trust()).examine(signed(signer=signer)))


@pytest.mark.parametrize(
    ("algorithm", "size"), [(Algorithm.ES256, 64), (Algorithm.ES384, 96), (Algorithm.ED25519, 64), (Algorithm.PS256, 256)]
)
def test_signatures_are_raw(algorithm: Algorithm, size: int) -> None:
    assert {len(sound_chain(algorithm).signer.sign(str(n).encode())) for n in range(8)} == {size}


def test_a_chain_with_an_intermediate_signs(tmp_path: Path) -> None:
    of = chain(intermediate=True)
    signer = signer_from_uri(written(tmp_path / "keys", of), home=tmp_path)
    assert len(signer.credential.certificates) == 3
    require_trusted(C2paExaminer(of.trust()).examine(signed(signer=signer)))


def test_a_chain_may_leave_out_its_root(tmp_path: Path) -> None:
    of = chain(intermediate=True)
    signer = signer_from_uri(written(tmp_path / "keys", of, pem=pem_of(of.certificates[:2])), home=tmp_path)
    require_trusted(C2paExaminer(of.trust()).examine(signed(signer=signer)))


def test_missing_files_are_named(tmp_path: Path) -> None:
    for name in ("key.pem", "chain.pem"):
        uri = written(tmp_path / name, sound_chain())
        (tmp_path / name / name).unlink()
        with pytest.raises(CredentialMissing, match=r"key\.pem and chain\.pem") as caught:
            signer_from_uri(uri, home=tmp_path)
        assert caught.value.code == "signing.credential_missing"


def test_missing_directory_is_credential_missing(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissing):
        signer_from_uri(f"file:{tmp_path}/nowhere", home=tmp_path)


def test_no_development_credential_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissing, match="assay keys init"):
        signer_from_uri("development:", home=tmp_path)


@pytest.mark.parametrize("uri", ["", "file:", "development:x", "pkcs11:token", "/keys", "FILE:/keys"])
def test_other_uris_are_refused(uri: str, tmp_path: Path) -> None:
    assert "a signer is named" in refusal(uri, tmp_path)


def test_file_uri_with_slashes(tmp_path: Path) -> None:
    uri = written(tmp_path / "keys", sound_chain()).replace("file:", "file://")
    assert signer_from_uri(uri, home=tmp_path).credential.subject == sound_chain().signer.credential.subject


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    uri = written(tmp_path / "keys", sound_chain(), key=key_pem(new_key(Algorithm.ES256)))
    assert "not the one the certificate is for" in refusal(uri, tmp_path)


def test_a_chain_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    of = sound_chain()
    assert "leaf first" in refusal(written(tmp_path / "keys", of, pem=pem_of(of.certificates[::-1])), tmp_path)


def test_a_chain_with_a_stranger_in_it_is_refused(tmp_path: Path) -> None:
    of = sound_chain()
    stranger = chain().authorities[0].certificate
    assert "leaf first" in refusal(written(tmp_path / "keys", of, pem=pem_of([of.leaf, stranger])), tmp_path)


@pytest.mark.parametrize("usages", [(), (TIME_STAMPING,), (SERVER_AUTHENTICATION,)])
def test_a_certificate_for_something_else_is_refused(usages: tuple[str, ...], tmp_path: Path) -> None:
    assert "may not sign claims" in refusal(written(tmp_path / "keys", chain(usages=usages)), tmp_path)


def test_any_claim_signing_usage_will_do(tmp_path: Path) -> None:
    uri = written(tmp_path / "keys", chain(usages=(DOCUMENT_SIGNING, SERVER_AUTHENTICATION)))
    assert signer_from_uri(uri, home=tmp_path).credential.algorithm is Algorithm.ES256


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    of = chain(key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    assert "2048 bits" in refusal(written(tmp_path / "keys", of), tmp_path)


def test_another_curve_is_refused(tmp_path: Path) -> None:
    of = chain(key=ec.generate_private_key(ec.SECP256K1()))
    assert "P-256" in refusal(written(tmp_path / "keys", of), tmp_path)


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    of = sound_chain()
    assert "unencrypted" in refusal(written(tmp_path / "keys", of, key=key_pem(of.key, b"secret")), tmp_path)


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_junk_is_refused(junk: bytes, tmp_path: Path) -> None:
    assert "not a certificate chain" in refusal(written(tmp_path / "chain", sound_chain(), pem=junk), tmp_path)
    assert "PEM private key" in refusal(written(tmp_path / "key", sound_chain(), key=junk), tmp_path)


def test_a_certificate_is_no_key(tmp_path: Path) -> None:
    of = sound_chain()
    assert "PEM private key" in refusal(written(tmp_path / "keys", of, key=of.pem), tmp_path)


@pytest.mark.parametrize("at", [NOW - timedelta(days=2), NOW + timedelta(days=2)])
def test_outside_its_validity_a_credential_is_expired(at: datetime) -> None:
    with pytest.raises(CredentialExpired, match="Throw-away signer") as caught:
        sound_chain().signer.credential.require_current(at)
    assert caught.value.code == "signing.credential_expired"


def test_validity_is_inclusive() -> None:
    credential = sound_chain().signer.credential
    credential.require_current(credential.not_before)
    credential.require_current(credential.not_after)


def test_an_expired_authority_counts_too() -> None:
    of = chain(end=NOW + timedelta(days=300))
    with pytest.raises(CredentialExpired, match="Throw-away root"):
        of.signer.credential.require_current(NOW + timedelta(days=60))


def test_key_signer_checks_the_pair() -> None:
    with pytest.raises(CredentialInvalid):
        KeySigner(new_key(Algorithm.ES256), Credential.from_pem(sound_chain().pem))


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


def test_file_refuses_a_development_credential(tmp_path: Path) -> None:
    create_development_credential(tmp_path, now=NOW)
    assert "development:" in refusal(f"file:{development_directory(tmp_path)}", tmp_path)


def test_development_leaf_lives_as_long_as_asked(tmp_path: Path) -> None:
    made = create_development_credential(tmp_path, now=NOW, days=7, organisation_unit='a/b,"c"' + "x" * 100)
    assert made.not_after - made.not_before == timedelta(days=7)
    (unit,) = made.certificates[0].subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    assert unit.value == ("abc" + "x" * 57)
