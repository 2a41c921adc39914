from __future__ import annotations

import base64
import ipaddress
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.composition import build_signer
from api.settings import Settings
from provenance.errors import (
    CredentialInvalid,
    CredentialMismatch,
    CredentialMissing,
    CredentialRefused,
    SignerUnavailable,
    SigningError,
)
from provenance.keys import Algorithm, Signer, signature_holds
from provenance.proof import prove
from tests.api.signers.fake_http import Asked, FakeServer, Said
from tests.assets.chains import NOW, Chain, chain, key_pem, pem_of, sound_chain

SOUND = sound_chain(Algorithm.ES256)


def answer_with(of: Chain) -> FakeServer:
    """A signing service as the module's documentation describes it."""

    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(200, of.pem, {"Content-Type": "application/pem-certificate-chain"})
        body = json.loads(asked.body)
        assert body["algorithm"] == of.signer.credential.algorithm
        signature = of.signer.sign(base64.b64decode(body["payload"], validate=True))
        return Said(200, json.dumps({"signature": base64.b64encode(signature).decode()}).encode())

    return FakeServer(answer)


def saying(*answers: Said, chain_pem: bytes = SOUND.pem) -> FakeServer:
    """A service that serves the chain and answers signatures with these, in turn, the last for good."""
    left = list(answers)

    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(200, chain_pem)
        return left.pop(0) if len(left) > 1 else left[0]

    return FakeServer(answer)


def opened(uri: str, *, timeout_s: float = 5.0) -> Signer:
    return build_signer(Settings(signer_uri=uri, home=Path("/nowhere"), signer_timeout_s=timeout_s))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_algorithm_is_proved(algorithm: Algorithm) -> None:
    of = sound_chain(algorithm)
    with answer_with(of) as service:
        signer = opened(f"{service.url}/v1/sign?key=7")
        assert signer.credential.certificates == of.certificates
        prove(signer)
    assert {asked.path for asked in service.asked} == {"/v1/sign?key=7"}


def test_a_token_and_a_chain_from_files(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(SOUND.pem)
    with answer_with(SOUND) as service:
        signer = opened(f"{service.url}/#chain={tmp_path}/chain.pem&token={tmp_path}/token")
        assert service.asked == []
        for token in ("first", "second"):  # read anew: tokens are renewed without a restart
            (tmp_path / "token").write_text(token + "\n")
            signer.sign(b"claim")
    assert [asked.headers["authorization"] for asked in service.asked] == ["Bearer first", "Bearer second"]
    assert [asked.path for asked in service.asked] == ["/", "/"]  # what is behind # stays here


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said(500), SignerUnavailable),
        (Said(503), SignerUnavailable),
        (Said(429), SignerUnavailable),
        (Said(0), SignerUnavailable),
        (Said(401), CredentialRefused),
        (Said(403), CredentialRefused),
        (Said(404), CredentialRefused),
        (Said(302, b"", {"Location": "http://127.0.0.1:9/"}), CredentialRefused),
        (Said(200, b"not JSON"), SigningError),
        (Said(200, b"[]"), SigningError),
        (Said(200, b"[" * 200_000), SigningError),
        (Said(200, b'{"signature": 7}'), SigningError),
        (Said(200, b'{"signature": "*"}'), SigningError),
        (Said(200, b'{"signature": ""}'), CredentialMismatch),
        (Said(200, b'{"signature": "AAAA"}'), CredentialMismatch),
        (Said(200, b" " * 300_000), SigningError),
    ],
)
def test_other_answers_are_told_apart(said: Said, kind: type[SigningError]) -> None:
    with saying(said) as service:
        signer = opened(service.url)
        with pytest.raises(kind) as caught:
            signer.sign(b"claim")
    assert type(caught.value) is kind


def test_a_service_that_recovers_is_used_again() -> None:
    good = json.dumps({"signature": base64.b64encode(SOUND.signer.sign(b"claim")).decode()}).encode()
    with saying(Said(503), Said(0), Said(200, good)) as service:
        signer = opened(service.url)
        for _ in range(2):
            with pytest.raises(SignerUnavailable):
                signer.sign(b"claim")
        assert signature_holds(SOUND.leaf.public_key(), signer.sign(b"claim"), b"claim")


def test_what_another_key_signed_is_refused() -> None:
    with answer_with(sound_chain(Algorithm.ES256)) as service, saying(Said(200), chain_pem=chain().pem) as other:
        signer = opened(other.url)
        signer._service = opened(service.url)._service  # type: ignore[attr-defined]
        with pytest.raises(CredentialMismatch):
            prove(signer)


def test_a_service_that_does_not_answer_is_given_up() -> None:
    free = threading.Event()

    def slow(asked: Asked) -> Said:
        if asked.method == "POST":
            free.wait(30)
        return Said(200, SOUND.pem)

    with FakeServer(slow) as service:
        signer = opened(service.url, timeout_s=0.2)
        with pytest.raises(SignerUnavailable, match="ReadTimeout"):
            signer.sign(b"claim")
        free.set()
    with pytest.raises(SignerUnavailable, match="ConnectError"):
        opened(service.url, timeout_s=0.2)


def test_a_service_that_drips_is_given_up() -> None:
    with saying(Said(200, b" " * 10_000, drip_s=0.05)) as service:
        signer = opened(service.url, timeout_s=0.3)
        with pytest.raises(SignerUnavailable, match="over its answer"):
            signer.sign(b"claim")


def test_a_token_where_its_file_was_asked_for_is_not_repeated() -> None:
    with pytest.raises(CredentialInvalid, match="absolute path") as caught:
        opened("https://127.0.0.1/#token=eyJhbGciOi")
    assert "eyJ" not in str(caught.value)


def test_a_chain_that_may_not_sign_is_refused_when_it_is_opened() -> None:
    with (
        saying(Said(200), chain_pem=pem_of(SOUND.certificates[::-1])) as service,
        pytest.raises(CredentialInvalid, match="round"),
    ):
        opened(service.url)
    with saying(Said(200), chain_pem=b"<html>") as service, pytest.raises(CredentialInvalid, match="PEM"):
        opened(service.url)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://signer.example/", "over https"),
        ("http://10.0.0.1/", "over https"),
        ("https://user:secret@signer.example/", "no name or password"),
        ("https://", "has a host"),
        ("https://[::1/", "no URL"),
        ("https://host:99999/", "no URL"),
        ("https://host/#chian=/x", "no option 'chian'"),
        ("https://host/#chain", "name=value"),
        ("https://host/#chain=", "empty"),
        ("https://host/#chain=/a&chain=/b", "twice"),
    ],
)
def test_addresses_that_are_not_asked(uri: str, said: str) -> None:
    with pytest.raises(CredentialInvalid) as caught:
        opened(uri)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissing, match="no certificates in"):
        opened(f"https://127.0.0.1/#chain={tmp_path}/none")
    with pytest.raises(CredentialMissing, match="TLS authorities"):
        opened(f"https://127.0.0.1/#ca={tmp_path}/none")
    with pytest.raises(CredentialMissing, match="no token"):
        opened(f"http://127.0.0.1:9/#token={tmp_path}/none")
    (tmp_path / "token").write_text("a\nb")
    with pytest.raises(CredentialInvalid, match="is no token"):
        opened(f"http://127.0.0.1:9/#token={tmp_path}/token")


def test_threads_share_a_signer() -> None:
    with answer_with(SOUND) as service, ThreadPoolExecutor(8) as pool:
        signer = opened(service.url)
        signed = list(pool.map(lambda n: (n, signer.sign(b"claim %d" % n)), range(40)))
    assert all(signature_holds(SOUND.leaf.public_key(), signature, b"claim %d" % n) for n, signature in signed)


def test_a_signer_made_before_a_fork_signs_in_the_child() -> None:
    with answer_with(SOUND) as service:
        signer = opened(service.url)
        signer.sign(b"claim")
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if signature_holds(SOUND.leaf.public_key(), signer.sign(b"child"), b"child") else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        signer.sign(b"claim")


def test_tls_is_verified(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "tls.pem").write_bytes(pem_of([own]))
    (tmp_path / "tls.key").write_bytes(key_pem(key))
    with FakeServer(lambda _: Said(200, SOUND.pem), tls=(f"{tmp_path}/tls.pem", f"{tmp_path}/tls.key")) as service:
        with pytest.raises(SignerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            opened(service.url)
        assert opened(f"{service.url}#ca={tmp_path}/tls.pem").credential.certificates == SOUND.certificates
        with pytest.raises(SignerUnavailable):
            opened(f"{service.url.replace('127.0.0.1', 'localhost')}#ca={tmp_path}/tls.pem")
