"""What else leaves Assay signed, in every format: time-stamped, stapled, vouched for, derived, redacted, sounds, films.

The authorities and the sounds and films are those of the tests, made on the spot.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.varied_images import VariedImage, painted
from provenance.amendment import redact
from provenance.asset import TIMED_MEDIA_TYPES
from provenance.derivation import Derivation, Deriver
from provenance.evidence import Tier
from provenance.generation import GenerationMode, GenerationRecord
from provenance.sealing.certificate_status import StatusSource
from provenance.sealing.cose_signature import Signatory
from provenance.sealing.identity import NamedActor
from provenance.sealing.timestamps import Timestamper, TimestampPolicy
from provenance.stamp import ENCODABLE_MEDIA_TYPES, Stamper
from provenance.trust.store import TrustList, TrustPurpose, TrustStore

# The tests' own material, which no type checker follows from here.
_authorities: Any = importlib.import_module("tests.assets.authorities")
_chains: Any = importlib.import_module("tests.assets.chains")
_sounds: Any = importlib.import_module("tests.assets.sounds_and_films")


class _Responder:
    """Says that a chain is in force."""

    def __init__(self, chain: Any) -> None:  # noqa: ANN401
        self._chain = chain

    def answer(self, query: bytes) -> bytes:
        found: bytes = _authorities.ocsp_response(self._chain)
        return found


def trusting() -> TrustStore:
    """Trust in everyone who signs here."""
    tsa = TrustList("tsa", TrustPurpose.TIMESTAMPS, Tier.CURRENT, _authorities.timestamping_authority().root_pem)
    store: TrustStore = _chains.sound_chain().trust()
    return TrustStore((*store.lists, tsa))


def signed_files() -> Iterator[VariedImage]:
    """One of each; `traits` says which road it came."""
    chain, authority = _chains.sound_chain(), _authorities.timestamping_authority()
    anchors = [authority.chain.authorities[-1].certificate]
    times = Timestamper(authority, TimestampPolicy.REQUIRE, anchors)
    status = StatusSource(chain.signer.credential, _Responder(chain), require=True, clock=lambda: datetime.now(UTC))
    actor = NamedActor(Signatory(_chains.chain(name="A named actor").signer, times))
    stampers = {
        "time-stamped": Stamper(chain.signer, timestamps=times),
        "time-stamped and stapled": Stamper(chain.signer, timestamps=times, status=status),
        "vouched for by a named actor": Stamper(chain.signer, actor=actor),
        "all of these": Stamper(chain.signer, timestamps=times, status=status, actor=actor),
    }
    plain = Stamper(chain.signer)
    pixels = np.asarray(painted(256, 192, np.random.default_rng(1)))
    for media_type in ENCODABLE_MEDIA_TYPES:
        for road, stamper in stampers.items():
            yield VariedImage(stamper.stamp(pixels, _record(), media_type=media_type), road)
        stamped = plain.stamp(pixels, _record(), media_type=media_type)
        small = Deriver(plain).derive(stamped, Derivation(width=100))
        yield VariedImage(small, "derived")
        yield VariedImage(Deriver(stampers["all of these"]).derive(small, Derivation(width=50)), "derived twice, all of these")
        yield VariedImage(redact(plain, stamped, ["org.assay.generation"]), "an assertion redacted")
        yield VariedImage(redact(plain, stamped, prompts=True), "prompts redacted")
    for media_type in TIMED_MEDIA_TYPES:
        mode = GenerationMode.TEXT_TO_AUDIO if media_type.startswith("audio/") else GenerationMode.TEXT_TO_VIDEO
        for road, stamper in ({"stamped": plain} | stampers).items():
            source = _sounds.encoded_timed(media_type)
            yield VariedImage(stamper.stamp_asset(source, replace(_record(), mode=mode)), road)


def _record() -> GenerationRecord:
    return GenerationRecord(model="example/model", created_at=datetime(2026, 1, 1, tzinfo=UTC), prompt="a lighthouse", seed=7)
