from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.errors import (
    CredentialChainBroken,
    CredentialExpired,
    CredentialInvalid,
    CredentialMismatch,
    CredentialNotYetValid,
    CredentialRefused,
    CredentialUnproven,
    CredentialUsageWrong,
    SignerUnavailable,
    SigningError,
)
from provenance.keys import Algorithm, Credential, Signer
from provenance.proof import prove
from tests.assets.attacks import WrongKeySigner
from tests.assets.chains import NOW, TIME_STAMPING, Chain, chain, sound_chain

SOUND = sound_chain(Algorithm.ES256)


class Raises:
    """A signer that cannot sign."""

    credential = SOUND.signer.credential

    def __init__(self, error: Exception) -> None:
        self.error = error

    def sign(self, payload: bytes) -> bytes:
        raise self.error


class Unlooked:
    """A signer whose chain nobody looked at."""

    def __init__(self, of: Chain, *, order: int = 1) -> None:
        self.of = of
        self.credential = Credential(of.certificates[::order], Algorithm.ES256)

    def sign(self, payload: bytes) -> bytes:
        return sound_chain(Algorithm.ES256).signer.sign(payload)


class Second:
    """Signs the challenge and then something else, as a service does that answers from a cache."""

    credential = SOUND.signer.credential

    def __init__(self) -> None:
        self.signed = 0

    def sign(self, payload: bytes) -> bytes:
        self.signed += 1
        return SOUND.signer.sign(payload if self.signed == 1 else b"what was asked before")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_sound_signer_is_proved(algorithm: Algorithm) -> None:
    prove(sound_chain(algorithm).signer)
    prove(chain(algorithm, intermediate=True).signer)


@pytest.mark.parametrize(
    ("signer", "kind"),
    [
        (WrongKeySigner(SOUND, chain().signer), CredentialMismatch),
        (Unlooked(chain(usages=(TIME_STAMPING,))), CredentialUsageWrong),
        (Unlooked(chain(), order=-1), CredentialChainBroken),
        (Second(), CredentialUnproven),
        (Raises(SignerUnavailable("later")), SignerUnavailable),
        (Raises(CredentialRefused("no")), CredentialRefused),
        (Raises(SigningError("no signature")), CredentialUnproven),
        (chain(start=NOW + timedelta(hours=1)).signer, CredentialNotYetValid),
        (chain(end=NOW - timedelta(minutes=1)).signer, CredentialExpired),
    ],
    ids=["wrong key", "usage", "order", "cached", "unavailable", "refused", "no signature", "not yet", "expired"],
)
def test_what_is_wrong_is_said(signer: Signer, kind: type[SigningError]) -> None:
    with pytest.raises(kind) as caught:
        prove(signer)
    assert type(caught.value) is kind
    assert caught.value.code == kind.code


def test_every_refusal_is_a_signing_error_with_a_code_of_its_own() -> None:
    kinds = CredentialInvalid.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.code.startswith("signing.") for kind in kinds)


def test_the_clock_is_the_callers() -> None:
    with pytest.raises(CredentialExpired):
        prove(SOUND.signer, clock=lambda: NOW + timedelta(days=400))


def test_an_unsound_digest_does_not_pass() -> None:
    class Weak:
        credential = SOUND.signer.credential

        def sign(self, payload: bytes) -> bytes:
            key = SOUND.key
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            return key.sign(payload, ec.ECDSA(hashes.SHA256()))  # DER, where r and s belong

    with pytest.raises(CredentialMismatch):
        prove(Weak())
