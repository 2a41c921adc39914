from __future__ import annotations

import itertools
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provenance.errors import (
    CredentialChainBroken,
    CredentialMismatch,
    CredentialMissing,
    CredentialRefused,
    SignerUnavailable,
    SignerUnsupported,
)
from provenance.keys import Algorithm, Signer, signature_holds, signer_from_uri, tokens
from provenance.proof import prove
from tests.assets.chains import chain, pem_of, sound_chain
from tests.softhsm import PIN, Token, log_out, new_token, supports, tool

SOUND = sound_chain(Algorithm.ES256)
labels = (f"key-{number}" for number in itertools.count())
numbers = itertools.count(1)


def put(token: Token, algorithm: Algorithm = Algorithm.ES256, **how: bool) -> str:
    """A new key on the token, under a label and an id of its own."""
    label = next(labels)
    token.put(sound_chain(algorithm), label, number=next(numbers), **how)
    return label


def opened(uri: str) -> Signer:
    return signer_from_uri(uri, home=Path("/nowhere"))


def is_signed(signer: Signer, payload: bytes) -> bool:
    return signature_holds(signer.credential.certificates[0].public_key(), signer.sign(payload), payload)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_algorithm_is_proved_with_the_chain_on_the_token(token: Token, algorithm: Algorithm) -> None:
    missing = supports(algorithm, token)
    if missing:
        pytest.skip(missing)
    signer = opened(token.uri(put(token, algorithm)))
    assert signer.credential.certificates == sound_chain(algorithm).certificates
    assert signer.credential.algorithm is algorithm
    prove(signer)


def test_certificates_may_be_in_a_file_and_the_pin_in_another(token: Token, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(SOUND.pem)
    (tmp_path / "pin").write_text(PIN + "\n")
    label = put(token, certificates=False)
    prove(opened(token.uri(label, chain=tmp_path / "chain.pem", pin_source=f"file:{tmp_path}/pin")))
    with pytest.raises(CredentialMissing, match="0 certificates on the token"):
        opened(token.uri(label))


def test_a_key_is_found_by_its_id(token: Token) -> None:
    token.put(SOUND, "by id", number=0xA7)
    uri = token.uri("by id").replace("object=by%20id", "id=%a7")
    assert is_signed(opened(uri), b"claim")


def test_the_chain_is_put_in_order_whatever_else_is_on_the_token(softhsm: tuple[Path, Path]) -> None:
    token = new_token(*softhsm, "several")
    of = chain(intermediate=True)
    token.put(SOUND, "other", number=1)
    token.put(of, "mine", number=2)
    assert opened(token.uri("mine")).credential.certificates == of.certificates


def test_a_wrong_pin_is_tried_once_and_never_again(token: Token, tmp_path: Path) -> None:
    source = tmp_path / "pin"
    source.write_text("31415")
    label = put(token)
    log_out(token.module)  # whoever is logged in already is not asked for a PIN
    signer = opened(token.uri(label, pin_source=source))
    with pytest.raises(CredentialRefused, match="does not let us in: PinIncorrect"):
        signer.sign(b"claim")
    for again in (signer, opened(token.uri(label, pin_source=source))):
        with pytest.raises(CredentialRefused, match="not tried again") as caught:
            again.sign(b"claim")
        assert "31415" not in str(caught.value)
    source.write_text(PIN)
    assert is_signed(signer, b"claim")


def test_what_is_not_there_is_told_apart(token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = put(token)
    with pytest.raises(SignerUnavailable, match="NoSuchToken"):
        opened(token.uri(label).replace("token=assay", "token=pulled-out"))
    with pytest.raises(CredentialMissing, match="0 certificates"):
        opened(token.uri("no such key"))
    (tmp_path / "chain.pem").write_bytes(SOUND.pem)
    with pytest.raises(CredentialMissing, match="0 private keys"):
        opened(token.uri("no such key", chain=tmp_path / "chain.pem")).sign(b"claim")
    with pytest.raises(CredentialMissing, match="no certificates in"):
        opened(token.uri(label, chain=tmp_path / "none.pem"))
    signer = opened(token.uri(label, pin_source=tmp_path / "none"))
    log_out(token.module)
    with pytest.raises(CredentialMissing, match="no PIN in"):
        signer.sign(b"claim")
    with pytest.raises(SignerUnsupported, match="no PKCS #11 module at"):
        opened(token.uri(label, module_path=tmp_path / "none.so"))
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(SignerUnsupported, match=r"assay\[pkcs11\]") as caught:
        opened(token.uri(label))
    assert caught.value.code == "signing.unsupported"


def test_a_library_that_is_no_module_is_unsupported(token: Token, tmp_path: Path) -> None:
    (tmp_path / "junk.so").write_bytes(b"junk")
    with pytest.raises(SignerUnsupported, match="cannot be loaded"):
        opened(token.uri("any", module_path=tmp_path / "junk.so"))


def test_a_key_of_another_certificate_signs_nothing(token: Token, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(chain().pem)
    signer = opened(token.uri(put(token), chain=tmp_path / "other.pem"))
    with pytest.raises(CredentialMismatch):
        signer.sign(b"claim")
    with pytest.raises(CredentialMismatch) as caught:
        prove(signer)
    assert caught.value.code == "signing.credential_mismatch"


def test_a_key_of_another_kind_is_not_asked(token: Token, tmp_path: Path) -> None:
    (tmp_path / "rsa.pem").write_bytes(sound_chain(Algorithm.PS256).pem)
    with pytest.raises(CredentialMismatch, match="not one for ps256"):
        opened(token.uri(put(token), chain=tmp_path / "rsa.pem")).sign(b"claim")


def test_a_chain_file_is_held_to_the_profile(token: Token, tmp_path: Path) -> None:
    of = SOUND
    (tmp_path / "chain.pem").write_bytes(pem_of(of.certificates[::-1]))
    with pytest.raises(CredentialChainBroken, match="other way round"):
        opened(token.uri("any", chain=tmp_path / "chain.pem"))


def test_threads_share_a_signer(token: Token) -> None:
    signer = opened(token.uri(put(token)))
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: is_signed(signer, b"claim %d" % number), range(80)))


def test_a_token_that_went_away_and_came_back_signs_again(softhsm: tuple[Path, Path], tmp_path: Path) -> None:
    folder, module = softhsm
    before = set((folder / "tokens").iterdir())
    token = new_token(folder, module, "loose")
    (home,) = set((folder / "tokens").iterdir()) - before
    token.put(SOUND, "signer")
    signer = opened(token.uri("signer"))
    assert is_signed(signer, b"claim")
    shutil.move(home, tmp_path / "pulled-out")
    with pytest.raises(SignerUnavailable, match="NoSuchToken"):
        signer.sign(b"claim")
    shutil.move(tmp_path / "pulled-out", home)
    assert is_signed(signer, b"claim")


def test_a_module_that_was_started_anew_is_logged_in_to_again(token: Token) -> None:
    signer = opened(token.uri(put(token)))
    assert is_signed(signer, b"claim")
    tokens._modules[token.module].reinitialize()
    assert is_signed(signer, b"claim")


def test_a_signer_made_before_a_fork_signs_in_the_child(token: Token) -> None:
    signer = opened(token.uri(put(token)))
    assert is_signed(signer, b"claim")
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if is_signed(signer, b"of the child") else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_signed(signer, b"claim")


def test_the_tool_that_makes_tokens_is_heard_when_it_fails() -> None:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("needs SoftHSM: apt-get install softhsm2")
    with pytest.raises(AssertionError):
        tool("--import", "/nonexistent", "--token", "none", "--label", "x", "--id", "01", "--pin", PIN)
