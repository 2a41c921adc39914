from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from provenance.errors import (
    CredentialExpired,
    CredentialInvalid,
    CredentialMismatch,
    CredentialMissing,
    CredentialNotYetValid,
)
from provenance.keys import (
    Algorithm,
    Credential,
    KeySigner,
    Signer,
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
    chain,
    key_pem,
    new_key,
    pem_of,
    sound_chain,
)
from tests.credential_files import put_in_place, written


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


@pytest.mark.parametrize("uri", ["", "file:", "file://", "/keys", "FILE:/keys", "development", "vault:secret", "awskms:key"])
def test_other_uris_are_refused(uri: str, tmp_path: Path) -> None:
    said = refusal(uri, tmp_path)
    assert said.startswith("a signer")
    assert "secret" not in said


def test_a_home_directory_that_nobody_has_is_refused(tmp_path: Path) -> None:
    assert "whose home directory" in refusal("file:~no-such-user/keys", tmp_path)


def test_a_chain_that_is_too_long_is_refused_and_not_cut(tmp_path: Path) -> None:
    uri = written(tmp_path / "keys", sound_chain())
    with (tmp_path / "keys" / "chain.pem").open("ab") as file:
        file.write(b"\n" * 2**20)
    assert "chain.pem is longer than" in refusal(uri, tmp_path)


def test_the_development_signer_has_one_name(tmp_path: Path) -> None:
    assert "nothing behind it" in refusal("development:x", tmp_path)


def test_further_schemes_are_opened_by_whoever_brings_them(tmp_path: Path) -> None:
    signer = sound_chain().signer
    asked: list[str] = []

    def open_vault(uri: str) -> Signer:
        asked.append(uri)
        return signer

    assert signer_from_uri("vault:a/b?c", home=tmp_path, further={"vault": open_vault}) is signer
    assert asked == ["vault:a/b?c"]
    with pytest.raises(CredentialInvalid, match="vault:"):
        signer_from_uri("none:", home=tmp_path, further={"vault": open_vault})


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


def test_outside_its_validity_a_credential_is_refused() -> None:
    credential = sound_chain().signer.credential
    with pytest.raises(CredentialExpired, match="Throw-away signer") as over:
        credential.require_current(NOW + timedelta(days=2))
    assert over.value.code == "signing.credential_expired"
    with pytest.raises(CredentialNotYetValid, match="Throw-away signer") as early:
        credential.require_current(NOW - timedelta(days=2))
    assert early.value.code == "signing.credential_not_yet_valid"


def test_validity_is_inclusive() -> None:
    credential = sound_chain().signer.credential
    credential.require_current(credential.not_before)
    credential.require_current(credential.not_after)


def test_an_expired_authority_counts_too() -> None:
    of = chain(end=NOW + timedelta(days=300))
    with pytest.raises(CredentialExpired, match="Throw-away root"):
        of.signer.credential.require_current(NOW + timedelta(days=60))


def test_key_signer_checks_the_pair() -> None:
    with pytest.raises(CredentialMismatch):
        KeySigner(new_key(Algorithm.ES256), Credential.from_pem(sound_chain().pem))


def test_file_refuses_a_development_credential(tmp_path: Path) -> None:
    create_development_credential(tmp_path, now=NOW)
    assert "development:" in refusal(f"file:{development_directory(tmp_path)}", tmp_path)


def test_a_pair_that_is_replaced_file_by_file_is_read_whole(tmp_path: Path) -> None:
    old, new = chain(), chain()
    uri = written(tmp_path / "keys", old, pem=new.pem)  # the chain came first
    timer = threading.Timer(0.04, lambda: (tmp_path / "keys" / "key.pem").write_bytes(new.key_pem))
    timer.start()
    signer = signer_from_uri(uri, home=tmp_path)
    timer.join()
    assert signer.credential.certificates == new.certificates


def test_a_directory_that_is_replaced_as_a_whole_never_yields_half(tmp_path: Path) -> None:
    chains = [chain() for _ in range(4)]
    put_in_place(tmp_path / "keys", chains[0])
    stop, errors, seen = threading.Event(), [], set()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(signer_from_uri(f"file:{tmp_path}/keys", home=tmp_path).credential.certificates[0].serial_number)
            except CredentialInvalid as err:
                errors.append(err)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        link = tmp_path / "keys.new"
        of = chains[number % 4]
        fresh = tmp_path / f"keys-{of.leaf.serial_number:x}"
        if not fresh.exists():
            written(fresh, of)
        link.symlink_to(fresh)
        os.rename(link, tmp_path / "keys")
    stop.set()
    reader.join()
    assert errors == []
    assert seen <= {of.leaf.serial_number for of in chains}
