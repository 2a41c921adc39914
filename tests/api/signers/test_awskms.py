from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.composition import build_signer
from api.settings import Settings
from api.signers.awskms import ATTEMPTS, MAX_RAW_BYTES
from provenance.errors import (
    CredentialInvalid,
    CredentialMismatch,
    CredentialMissing,
    CredentialRefused,
    SignerUnavailable,
    SignerUnsupported,
    SigningError,
)
from provenance.keys import Algorithm, Signer, signature_holds
from provenance.proof import prove
from tests.api.signers.fake_http import FakeServer, Said
from tests.api.signers.fake_kms import ACCESS_KEY, FakeKms
from tests.assets.chains import chain, sound_chain

SOUND = sound_chain(Algorithm.ES256)
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

pytestmark = pytest.mark.usefixtures("who_we_are")


@pytest.fixture
def who_we_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of nobody, and none of whoever runs the tests."""
    pytest.importorskip("botocore", reason="needs botocore: pip install 'assay[kms]'")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(scope="module")
def service() -> Iterator[FakeKms]:
    """One address for all tests: botocore takes half a second to make a client."""
    with FakeKms() as running:
        yield running


@pytest.fixture
def kms(service: FakeKms) -> FakeKms:
    """The service, holding no keys and having been asked nothing."""
    service.hold({})
    return service


@pytest.fixture
def chain_file(tmp_path: Path) -> Path:
    (tmp_path / "chain.pem").write_bytes(SOUND.pem)
    return tmp_path / "chain.pem"


def opened(uri: str, *, timeout_s: float = 5.0) -> Signer:
    return build_signer(Settings(signer_uri=uri, home=Path("/nowhere"), signer_timeout_s=timeout_s))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_algorithm_is_proved(kms: FakeKms, algorithm: Algorithm, tmp_path: Path) -> None:
    of = sound_chain(algorithm)
    (tmp_path / "of.pem").write_bytes(of.pem)
    kms.hold({"alias/signer": of})
    signer = opened(f"awskms:alias/signer?chain={tmp_path}/of.pem&region=eu-west-1&endpoint={kms.url}")
    assert kms.asked == []
    prove(signer)
    assert kms.regions == {"eu-west-1"}
    assert {asked.headers["x-amz-target"] for asked in kms.asked} == {"TrentService.Sign"}


def test_the_region_is_the_arns_unless_it_is_said(kms: FakeKms, chain_file: Path) -> None:
    kms.hold({ARN: SOUND})
    opened(f"awskms:{ARN}?chain={chain_file}&endpoint={kms.url}").sign(b"claim")
    assert kms.regions == {"eu-central-1"}
    opened(f"awskms:{ARN}?chain={chain_file}&endpoint={kms.url}&region=sa-east-1").sign(b"claim")
    assert kms.regions == {"eu-central-1", "sa-east-1"}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ThrottlingException", SignerUnavailable),
        (500, "KMSInternalException", SignerUnavailable),
        (500, "KeyUnavailableException", SignerUnavailable),
        (500, "DependencyTimeoutException", SignerUnavailable),
        (503, "ServiceUnavailableException", SignerUnavailable),
        (400, "AccessDeniedException", CredentialRefused),
        (400, "DisabledException", CredentialRefused),
        (400, "KMSInvalidStateException", CredentialRefused),
        (400, "NotFoundException", CredentialRefused),
        (400, "ExpiredTokenException", CredentialRefused),
        (403, "InvalidSignatureException", CredentialRefused),
        (400, "InvalidKeyUsageException", CredentialMismatch),
    ],
)
def test_refusals_are_told_apart(kms: FakeKms, status: int, code: str, kind: type[SigningError], chain_file: Path) -> None:
    kms.hold({"key": SOUND}, *[(status, code)] * ATTEMPTS)
    with pytest.raises(kind, match=code) as caught:
        opened(f"awskms:key?chain={chain_file}&endpoint={kms.url}").sign(b"claim")
    assert type(caught.value) is kind
    assert len(kms.asked) <= ATTEMPTS


def test_a_moment_of_throttling_is_waited_out(kms: FakeKms, chain_file: Path) -> None:
    kms.hold({"key": SOUND}, (400, "ThrottlingException"))
    signature = opened(f"awskms:key?chain={chain_file}&endpoint={kms.url}").sign(b"claim")
    assert signature_holds(SOUND.leaf.public_key(), signature, b"claim")
    assert len(kms.asked) == 2


def test_another_key_signs_nothing(kms: FakeKms, chain_file: Path) -> None:
    kms.hold({"key": chain()})
    with pytest.raises(CredentialMismatch):
        opened(f"awskms:key?chain={chain_file}&endpoint={kms.url}").sign(b"claim")


@pytest.mark.parametrize("answer", [b"{}", b'{"Signature": "AAAA"}', b'{"Signature": ""}'])
def test_what_is_no_signature_is_refused(answer: bytes, chain_file: Path) -> None:
    with FakeServer(lambda _: Said(200, answer)) as server, pytest.raises(SigningError, match="is no signature"):
        opened(f"awskms:key?chain={chain_file}&endpoint={server.url}").sign(b"claim")


def test_ed25519_takes_so_many_bytes_and_no_more(kms: FakeKms, tmp_path: Path) -> None:
    of = sound_chain(Algorithm.ED25519)
    (tmp_path / "of.pem").write_bytes(of.pem)
    kms.hold({"key": of})
    signer = opened(f"awskms:key?chain={tmp_path}/of.pem&endpoint={kms.url}")
    signer.sign(b"x" * MAX_RAW_BYTES)
    with pytest.raises(SigningError, match="another kind of key") as caught:
        signer.sign(b"x" * (MAX_RAW_BYTES + 1))
    assert not isinstance(caught.value, SignerUnavailable)
    assert len(kms.asked) == 1


def test_a_service_that_does_not_answer_is_given_up(chain_file: Path) -> None:
    free = threading.Event()

    def slow(_: object) -> Said:
        free.wait(30)
        return Said(200)

    with FakeServer(slow) as server:
        with pytest.raises(SignerUnavailable, match="out of reach"):
            opened(f"awskms:key?chain={chain_file}&endpoint={server.url}", timeout_s=0.2).sign(b"claim")
        free.set()
    with pytest.raises(SignerUnavailable, match="out of reach"):
        opened(f"awskms:key?chain={chain_file}&endpoint={server.url}", timeout_s=0.2).sign(b"claim")


def test_who_has_no_credentials_is_told(chain_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CredentialRefused, match="Unable to locate credentials"):
        opened(f"awskms:key?chain={chain_file}&endpoint=http://127.0.0.1:9").sign(b"claim")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(CredentialInvalid, match="region"):
        opened(f"awskms:key?chain={chain_file}")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("awskms:?chain=/c", "named awskms:KEY"),
        ("awskms:key", "named awskms:KEY"),
        ("awskms:key?chain=/c&pin=1", "no option 'pin'"),
        ("awskms:key?chain=/c&endpoint=http://kms.example", "over https"),
    ],
)
def test_uris_that_name_no_key(uri: str, said: str) -> None:
    with pytest.raises(CredentialInvalid) as caught:
        opened(uri)
    assert said in str(caught.value)


def test_what_is_missing_is_named(chain_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CredentialMissing, match="no certificates in"):
        opened(f"awskms:key?chain={tmp_path}/none")
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(SignerUnsupported, match=r"assay\[kms\]"):
        opened(f"awskms:key?chain={chain_file}")


def test_threads_share_a_signer(kms: FakeKms, chain_file: Path) -> None:
    kms.hold({"key": SOUND})
    with ThreadPoolExecutor(8) as pool:
        signer = opened(f"awskms:key?chain={chain_file}&endpoint={kms.url}")
        signed = list(pool.map(lambda n: (n, signer.sign(b"claim %d" % n)), range(40)))
    assert all(signature_holds(SOUND.leaf.public_key(), signature, b"claim %d" % n) for n, signature in signed)
