from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provenance.asset import IMAGE_MEDIA_TYPES, Asset
from provenance.errors import CredentialInvalid, ManifestError, SignerUnavailable, SigningError
from provenance.keys import Credential
from provenance.manifest import manifest_for
from provenance.reader import C2paExaminer
from provenance.signing import ManifestSigner
from provenance.verdict import ProvenanceState, provenance_state, require_trusted
from tests.assets.attacks import RECORD, SOFTWARE, WrongKeySigner, signed
from tests.assets.chains import chain, sound_chain
from tests.assets.pictures import encoded

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("media_type", sorted(set(IMAGE_MEDIA_TYPES) - {"image/heif"}))
def test_every_format_signs_and_reads_back_trusted(media_type: str) -> None:
    asset = signed(encoded(media_type))
    assert asset.media_type == media_type
    require_trusted(C2paExaminer(sound_chain().trust()).examine(asset))


def test_no_thumbnail_is_made() -> None:
    assert len(signed().data) - len(encoded().data) < 20_000
    assert b"c2pa.thumbnail" not in signed().data


class Raises:
    """A signer whose key service fails."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    @property
    def credential(self) -> Credential:
        return sound_chain().signer.credential

    def sign(self, payload: bytes) -> bytes:
        raise self._failure


def test_an_unavailable_signer_keeps_its_own_words() -> None:
    with pytest.raises(SignerUnavailable, match=r"^the token is unplugged$") as caught:
        signed(signer=Raises(SignerUnavailable("the token is unplugged")))
    assert caught.value.code == "signing.unavailable"


def test_an_invalid_credential_keeps_its_own_words() -> None:
    with pytest.raises(CredentialInvalid, match=r"^revoked$"):
        signed(signer=Raises(CredentialInvalid("revoked")))


def test_any_other_failure_is_the_cause_of_a_signing_error() -> None:
    failure = ConnectionResetError("peer went away")
    with pytest.raises(SigningError, match="peer went away") as caught:
        signed(signer=Raises(failure))
    assert caught.value.__cause__ is failure
    assert caught.value.code == "signing.failed"


def test_one_failure_does_not_taint_the_next() -> None:
    class Once(Raises):
        calls = 0

        def sign(self, payload: bytes) -> bytes:
            self.calls += 1
            return super().sign(payload) if self.calls == 1 else sound_chain().signer.sign(payload)

    manifests = ManifestSigner(Once(SignerUnavailable("busy")))
    definition = manifest_for(RECORD, media_type="image/png", instance_id="xmp.iid:1", software=SOFTWARE)
    with pytest.raises(SignerUnavailable):
        manifests.sign(encoded(), definition)
    require_trusted(C2paExaminer(sound_chain().trust()).examine(manifests.sign(encoded(), definition)))


def test_a_wrong_key_leaves_the_signer_but_does_not_read_back() -> None:
    asset = signed(signer=WrongKeySigner(sound_chain(), chain().signer))
    assert provenance_state(C2paExaminer(sound_chain().trust()).examine(asset)) is ProvenanceState.INVALID


def test_a_definition_the_sdk_refuses_is_a_manifest_error() -> None:
    definition = manifest_for(RECORD, media_type="image/png", instance_id="xmp.iid:1", software=SOFTWARE)
    definition.definition["assertions"][0]["data"] = float("nan")
    with pytest.raises(ManifestError) as caught:
        ManifestSigner(sound_chain().signer).sign(encoded(), definition)
    assert caught.value.code == "manifest.unwritable"


def test_an_unreadable_asset_is_a_signing_error() -> None:
    asset = Asset.from_bytes(encoded().data[:40])
    with pytest.raises(SigningError):
        signed(asset)


def test_eight_threads_share_one_signer_and_one_reader() -> None:
    manifests, examiner = ManifestSigner(sound_chain().signer), C2paExaminer(sound_chain().trust())

    def once(seed: int) -> tuple[str, ProvenanceState | None]:
        definition = manifest_for(RECORD, media_type="image/png", instance_id=f"xmp.iid:{seed}", software=SOFTWARE)
        asset = manifests.sign(encoded(seed=seed % 4), definition)
        return asset.sha256, provenance_state(examiner.examine(asset))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(once, range(48)))
    assert {state for _, state in results} == {ProvenanceState.TRUSTED}
    assert len({digest for digest, _ in results}) == 48


def test_each_thread_gets_its_own_failure() -> None:
    class Names(Raises):
        def sign(self, payload: bytes) -> bytes:
            raise SignerUnavailable(str(len(payload)))

    manifests = ManifestSigner(Names(SignerUnavailable("")))

    def once(size: int) -> tuple[str, str]:
        record = RECORD.__class__(model="m" * size, created_at=RECORD.created_at)
        definition = manifest_for(record, media_type="image/png", instance_id="xmp.iid:1", software=SOFTWARE)
        alone = ManifestSigner(Names(SignerUnavailable("")))
        messages = []
        for signer in (manifests, alone):
            with pytest.raises(SignerUnavailable) as caught:
                signer.sign(encoded(), definition)
            messages.append(str(caught.value))
        return messages[0], messages[1]

    with ThreadPoolExecutor(8) as pool:
        for shared, alone in pool.map(once, range(1, 33)):
            assert shared == alone


def run(script: str) -> str:
    prelude = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    command = [sys.executable, "-c", prelude + textwrap.dedent(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_signing_and_reading_work_after_a_fork() -> None:
    script = """
        import os
        from provenance.reader import C2paExaminer
        from provenance.signing import ManifestSigner
        from provenance.stamp import Stamper
        from provenance.verdict import require_trusted
        from tests.assets.attacks import RECORD
        from tests.assets.chains import sound_chain
        from tests.assets.pictures import encoded

        stamper, examiner = Stamper(sound_chain().signer), C2paExaminer(sound_chain().trust())
        require_trusted(examiner.examine(stamper.stamp_asset(encoded(), RECORD)))
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                for _ in range(3):
                    require_trusted(examiner.examine(stamper.stamp_asset(encoded(), RECORD)))
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        require_trusted(examiner.examine(stamper.stamp_asset(encoded(), RECORD)))
        print("alive")
    """
    assert run(script) == "alive"


def test_nothing_connects_anywhere() -> None:
    """Sockets are refused by the kernel where that can be had (a network namespace), and by Python everywhere."""
    script = """
        import socket
        def refused(*_, **__):
            raise AssertionError("somebody opened a socket")
        socket.socket = socket.create_connection = socket.getaddrinfo = refused
        import ctypes
        unshared = ctypes.CDLL(None, use_errno=True).unshare(0x40000000) == 0  # CLONE_NEWNET
        from provenance.reader import C2paExaminer
        from provenance.stamp import Stamper
        from provenance.verdict import require_trusted
        from tests.assets.attacks import RECORD
        from tests.assets.chains import sound_chain
        from tests.assets.pictures import picture

        stamped = Stamper(sound_chain().signer).stamp(picture(), RECORD)
        require_trusted(C2paExaminer(sound_chain().trust()).examine(stamped))
        print("done", unshared)
    """
    assert run(script).startswith("done")
