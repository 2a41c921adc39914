from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import encypher_c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import TIMED_MEDIA_TYPES, Asset
from provenance.errors import SigningError, StampUnverified, StatusUnavailable, TimestampMissing, TimestampUnavailable
from provenance.evidence import failure_codes, success_codes
from provenance.generation import GenerationMode
from provenance.keys import Algorithm
from provenance.manifest import manifest_for
from provenance.reader import C2paExaminer
from provenance.sealing.certificate_status import StatusSource
from provenance.sealing.cose_signature import Signatory, pad_lengths, protected_header, sign1
from provenance.sealing.identity import NamedActor
from provenance.sealing.placement import with_store
from provenance.sealing.seal import sealed
from provenance.sealing.timestamps import Timestamper, TimestampPolicy
from provenance.signing import ManifestSigner
from provenance.stamp import Stamper
from provenance.status_codes import IDENTITY_PROOFS, TIMESTAMP_PROOFS
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.validation.cbor import decode_cbor, encode_cbor
from provenance.verdict import ProvenanceState, provenance_state, require_trusted
from tests.assets.attacks import RECORD, SOFTWARE
from tests.assets.authorities import TimestampingAuthority, ocsp_response, timestamping_authority
from tests.assets.chains import DOCUMENT_SIGNING, NOW, Chain, Tier, chain, sound_chain
from tests.assets.pictures import encoded, picture
from tests.assets.sounds_and_films import encoded_timed

AUTHORITY = timestamping_authority()
ROOT = AUTHORITY.chain.authorities[-1].certificate
NOT_REVOKED = "signingCredential.ocsp.notRevoked"


class Responder:
    """Says what is true of a chain, or is away."""

    def __init__(self, of: Chain, *, away: bool = False) -> None:
        self._of = of
        self._away = away

    def answer(self, query: bytes) -> bytes:
        if self._away:
            raise StatusUnavailable("the responder is away")
        return ocsp_response(self._of)


class Silent:
    def answer(self, query: bytes) -> bytes:
        raise TimestampUnavailable("the authority is out of reach")


def now() -> datetime:
    return datetime.now(UTC)


def status_of(of: Chain, *, require: bool = True, away: bool = False) -> StatusSource:
    return StatusSource(of.signer.credential, Responder(of, away=away), require=require, clock=now)


def timestamper(authority: TimestampingAuthority | Silent = AUTHORITY, policy: str = "require") -> Timestamper:
    return Timestamper(authority, TimestampPolicy(policy), [ROOT])


def trust(of: Chain) -> TrustStore:
    times = TrustList("times", TrustPurpose.TIMESTAMPS, Tier.CURRENT, AUTHORITY.root_pem)
    return TrustStore((*of.trust().lists, times))


@pytest.mark.parametrize(
    "media_type", ["image/png", "image/jpeg", "image/webp", "image/tiff", "image/avif", "image/heic", "image/gif"]
)
def test_every_format_carries_time_and_status_and_another_verifier_agrees(media_type: str) -> None:
    of = sound_chain()
    definition = manifest_for(RECORD, media_type=media_type, instance_id="xmp.iid:1", software=SOFTWARE)
    signer = ManifestSigner(of.signer, timestamps=timestamper(), status=status_of(of))
    asset = signer.sign(encoded(media_type), definition)
    evidence = C2paExaminer(trust(of)).examine(asset)
    require_trusted(evidence)
    assert success_codes(evidence) >= {"timeStamp.validated", "timeStamp.trusted", NOT_REVOKED}
    if media_type == "image/gif":
        return  # no picture format of the other verifier
    report = encypher_c2pa.verify(
        asset.data,
        media_type,
        trust_pem=of.root_pem.decode(),
        tsa_trust_pem=AUTHORITY.root_pem.decode(),
        no_default_trust=True,
        telemetry=False,
        online=False,
    )
    assert (report["integrity"], report["signature"], report["hard_binding"]) == ("valid", "valid", "match")
    codes = {item["code"] for item in report["validation_results"]["success"]}
    assert codes >= {"timeStamp.validated", "timeStamp.trusted", NOT_REVOKED}
    assert not report["validation_results"]["failure"]


@pytest.mark.parametrize("media_type", sorted(TIMED_MEDIA_TYPES))
def test_sounds_and_films_carry_time_status_and_actor(media_type: str) -> None:
    of, actor = sound_chain(), chain(name="Example User", usages=(DOCUMENT_SIGNING,))
    record = replace(RECORD, mode=next(mode for mode in GenerationMode if mode.makes == media_type.partition("/")[0]))
    who = NamedActor(Signatory(actor.signer, timestamper()))
    stamper = Stamper(of.signer, timestamps=timestamper(), status=status_of(of), actor=who)
    evidence = C2paExaminer(TrustStore((*trust(of).lists, *actor.trust(TrustPurpose.IDENTITIES, name="actors").lists))).examine(
        stamper.stamp_asset(encoded_timed(media_type), record)
    )
    require_trusted(evidence)
    assert success_codes(evidence) >= {*TIMESTAMP_PROOFS, *IDENTITY_PROOFS, NOT_REVOKED}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm_is_stamped_and_stapled(algorithm: Algorithm) -> None:
    of = sound_chain(algorithm)
    asset = Stamper(of.signer, timestamps=timestamper(), status=status_of(of)).stamp(picture(), RECORD)
    assert success_codes(C2paExaminer(trust(of)).examine(asset)) >= {"timeStamp.trusted", NOT_REVOKED}


def test_a_large_picture_in_many_jpeg_segments_stays_whole() -> None:
    of = sound_chain()
    parent = Asset.from_bytes(encoded("image/jpeg").data)
    stamper = Stamper(of.signer, timestamps=timestamper())
    for _ in range(6):  # every stamp keeps the one before as its parent, so that the store outgrows a segment of 64 kB
        parent = stamper.stamp_asset(parent, RECORD)
    assert parent.data.count(b"\xff\xeb") > 1
    require_trusted(C2paExaminer(trust(of)).examine(parent))


def test_policy_require_signs_nothing_without_a_time() -> None:
    with pytest.raises(TimestampMissing):
        Stamper(sound_chain().signer, timestamps=timestamper(Silent())).stamp(picture(), RECORD)


def test_policy_queue_signs_nothing_for_now() -> None:
    with pytest.raises(TimestampUnavailable):
        Stamper(sound_chain().signer, timestamps=timestamper(Silent(), "queue")).stamp(picture(), RECORD)


def test_policy_omit_signs_without_a_time() -> None:
    of = sound_chain()
    asset = Stamper(of.signer, timestamps=timestamper(Silent(), "omit")).stamp(picture(), RECORD)
    evidence = C2paExaminer(trust(of)).examine(asset)
    require_trusted(evidence)
    assert not {code for code in success_codes(evidence) | failure_codes(evidence) if code.startswith("timeStamp")}


def test_a_status_that_is_not_required_is_left_out_when_it_is_not_to_be_had() -> None:
    of = sound_chain()
    asset = Stamper(of.signer, status=status_of(of, require=False, away=True)).stamp(picture(), RECORD)
    assert NOT_REVOKED not in success_codes(C2paExaminer(trust(of)).examine(asset))
    with pytest.raises(StatusUnavailable):
        Stamper(of.signer, status=status_of(of, away=True)).stamp(picture(), RECORD)


def test_what_does_not_read_back_with_its_time_does_not_leave() -> None:
    class Late(Timestamper):
        """Stamps, but over something else than it was asked to."""

        def token(self, message: bytes, *, within: tuple[datetime, datetime]) -> bytes | None:
            return super().token(message + b"!", within=within)

    wrong = Late(AUTHORITY, TimestampPolicy.REQUIRE, [ROOT])
    with pytest.raises(StampUnverified, match="timeStamp"):
        Stamper(sound_chain().signer, timestamps=wrong).stamp(picture(), RECORD)


def test_too_much_to_attach_is_an_error_and_not_a_broken_file() -> None:
    class Talkative:
        def current(self) -> bytes:
            return bytes(12_000)

    definition = manifest_for(RECORD, media_type="image/png", instance_id="xmp.iid:1", software=SOFTWARE)
    with pytest.raises(SigningError, match="there is room for"):
        ManifestSigner(sound_chain().signer, status=Talkative()).sign(encoded(), definition)  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [b"", b"\0\0\0\x09jumb\0", bytes(64), b"\0\0\0\x20jumb\0\0\0\x18jumdc2pa" + bytes(16)])
def test_what_is_no_store_is_not_sealed(store: bytes) -> None:
    with pytest.raises(SigningError, match="not laid out as expected"):
        sealed(store, Signatory(sound_chain().signer))


@given(st.integers(0, 300) | st.integers(65_000, 66_500) | st.integers(0, 80_000))
def test_padding_fills_every_room_or_says_that_it_cannot(room: int) -> None:
    labels = (len(encode_cbor("pad")), len(encode_cbor("pad2")))
    try:
        lengths = pad_lengths(room, labels)
    except ValueError:
        assert room < 5
        return
    assert sum(label + len(encode_cbor(bytes(n))) for label, n in zip(labels, lengths, strict=False)) == room


@pytest.mark.parametrize("extra", [0, *range(5, 40), 260, 261, 262, 65_540, 65_541, 65_542, 65_543])
def test_a_signature_has_the_size_that_was_asked_for(extra: int) -> None:
    signatory = Signatory(sound_chain().signer)
    protected = protected_header(signatory.signer)
    bare = len(sign1(b"claim", signatory, protected=protected))
    padded = sign1(b"claim", signatory, protected=protected, size=bare + extra)
    assert len(padded) == bare + extra
    assert isinstance(decode_cbor(padded), list)


CBOR = st.recursive(
    st.none().map(lambda _: 22) | st.integers(-(2**63), 2**63) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(CBOR)
def test_what_is_encoded_reads_back(item: object) -> None:
    assert decode_cbor(encode_cbor(item)) == item  # type: ignore[arg-type]


def test_maps_keep_their_order() -> None:
    assert decode_cbor(encode_cbor({"b": 1, "a": [b"x", None]})) == (("b", 1), ("a", [b"x", 22]))


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/gif", "image/webp"])
def test_a_store_is_only_replaced_where_it_is(media_type: str) -> None:
    data = encoded(media_type).data
    with pytest.raises(ValueError, match="manifest store"):
        with_store(data, media_type, b"\0\0\0\x20jumb" + bytes(24), b"\0\0\0\x20jumb" + bytes(24))
    with pytest.raises(ValueError, match="cannot take the place"):
        with_store(data, media_type, b"one", b"three")


def test_the_same_store_leaves_the_file_as_it_is() -> None:
    store = b"\0\0\0\x20jumb" + hashlib.sha256(b"store").digest()[:24]
    assert with_store(b"before" + store + b"after", "image/webp", store, store) == b"before" + store + b"after"
    with pytest.raises(ValueError, match="exactly once"):
        with_store(store + store, "image/webp", store, store)


def test_a_stamp_in_time_outlives_its_certificate() -> None:
    of = sound_chain()
    with_time = Stamper(of.signer, timestamps=timestamper()).stamp(picture(), RECORD)
    without = Stamper(of.signer).stamp(picture(), RECORD)

    def state_after(asset: Asset, days: int) -> str:
        report = encypher_c2pa.verify(
            asset.data,
            asset.media_type,
            trust_pem=of.root_pem.decode(),
            tsa_trust_pem=AUTHORITY.root_pem.decode(),
            validation_time=(NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z"),
            no_default_trust=True,
            telemetry=False,
            online=False,
        )
        return str(report["validation_state"])

    assert [state_after(with_time, 0), state_after(without, 0)] == ["Trusted", "Trusted"]
    assert [state_after(with_time, 20), state_after(without, 20)] == ["Trusted", "Valid"]  # intact, and of nobody
    later = C2paExaminer(trust(of), at=NOW + timedelta(days=20))
    assert provenance_state(later.examine(with_time)) is ProvenanceState.TRUSTED
    assert provenance_state(later.examine(without)) is not ProvenanceState.TRUSTED
