"""Prove a signer before it is relied on: key, chain and usage together make a file that verifies.

What is wrong is said by the class and code of the error, as far as it can be told apart: the chain first, then its time, then
whether the key is the certificate's, then whether a picture stamped with it reads back. The picture is 16 pixels square and
never leaves memory. Nothing here reaches a network but through the signer itself; no time-stamp is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np

from provenance.errors import (
    AssetError,
    CredentialInvalid,
    CredentialUnproven,
    ExaminerError,
    ManifestError,
    SignerUnavailable,
    SigningError,
    StampUnverified,
)
from provenance.generation import GenerationRecord
from provenance.keys import Signer, require_claim_signing_chain
from provenance.pixels import PixelArray
from provenance.stamp import Stamper

_MODEL: Final = "assay-credential-proof"


def _now() -> datetime:
    return datetime.now(UTC)


def prove(signer: Signer, *, clock: Callable[[], datetime] = _now) -> None:
    """Return only if `signer` signs and what it signed reads back as intact and its own.

    Args:
        signer: Whose proof it is; it signs twice.
        clock: Current time, with a time zone.

    Raises:
        SignerUnavailable: Whoever holds the key is out of reach: the proof is to be tried again.
        CredentialInvalid: It cannot sign claims; the class and its code say why.
    """
    credential = signer.credential
    require_claim_signing_chain(credential.certificates)
    credential.require_current(clock())
    challenge = os.urandom(32)
    try:
        credential.checked(signer.sign(challenge), challenge)
        record = GenerationRecord(model=_MODEL, created_at=clock())
        Stamper(signer, clock=clock).stamp(_picture(), record)
    except (SignerUnavailable, CredentialInvalid):
        raise
    except (SigningError, StampUnverified, ManifestError, ExaminerError, AssetError) as err:
        raise CredentialUnproven(f"a picture signed with {credential.subject} for a trial does not verify: {err}") from err


def _picture() -> PixelArray:
    ramp = np.linspace(0, 255, 16, dtype=np.uint8)
    return np.stack([np.tile(ramp, (16, 1)), np.tile(ramp[:, None], (1, 16)), np.full((16, 16), 128, np.uint8)], axis=-1)
