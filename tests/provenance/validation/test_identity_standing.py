"""Identities are judged apart from the SDK: their own time, any order of the payload, the time asked about."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.errors import CredentialInvalid
from provenance.evidence import C2PA_EXAMINER, Outcome, Role, StatusEvidence, Tier, declarations, failure_codes, success_codes
from provenance.keys import Algorithm, Credential
from provenance.reader import C2paExaminer
from provenance.sealing.cose_signature import Signatory, protected_header, sign1
from provenance.sealing.identity import NamedActor, identity_assertion
from provenance.stamp import Stamper
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.validation.cbor import encode_cbor
from provenance.validation.identity_standing import IDENTITY_LABEL, judge_identities, with_standings
from provenance.verdict import ProvenanceState, provenance_state
from tests.assets.attacks import RECORD
from tests.assets.authorities import timestamping_authority
from tests.assets.chains import (
    CLAIM_SIGNING,
    DOCUMENT_SIGNING,
    NOW,
    SERVER_AUTHENTICATION,
    Chain,
    chain,
    pem_of,
    sound_chain,
)
from tests.assets.pictures import picture
from tests.provenance.sealing.test_seal import timestamper

AUTHORITY = timestamping_authority()
CLAIM = encode_cbor({"created_assertions": [{"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}]})
LABEL = "urn:c2pa:test"
LOCATOR = f"self#jumbf=/c2pa/{LABEL}/c2pa.assertions/cawg.identity"
PAYLOAD = {
    "role": ["cawg.creator"],
    "sig_type": "cawg.x509.cose",
    "referenced_assertions": [{"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32), "alg": "sha256"}],
}


def box(label: str, content: bytes) -> bytes:
    description = b"jumd" + bytes(16) + b"\x03" + label.encode() + b"\0"
    description = (len(description) + 4).to_bytes(4, "big") + description
    return (8 + len(description) + len(content)).to_bytes(4, "big") + b"jumb" + description + content


def store(assertion: bytes, label: str = IDENTITY_LABEL) -> bytes:
    cbor = (8 + len(assertion)).to_bytes(4, "big") + b"cbor" + assertion
    return box("c2pa", box(LABEL, box("c2pa.assertions", box(label, cbor))))


def vouched(of: Chain, *, at: datetime | None = None) -> bytes:
    stamps = timestamper(AUTHORITY.at_time(at)) if at is not None else None
    return store(identity_assertion(NamedActor(Signatory(of.signer, stamps), (Role.CREATOR,)), CLAIM, size=9000))


def signed(of: Chain, payload: object, signed_payload: object) -> bytes:
    signatory = Signatory(of.signer)
    signature = sign1(encode_cbor(signed_payload), signatory, protected=protected_header(of.signer))  # type: ignore[arg-type]
    return store(encode_cbor({"signer_payload": payload, "signature": signature, "pad1": b""}))  # type: ignore[dict-item]


def trusting(of: Chain, *, times: bool = True, purpose: TrustPurpose = TrustPurpose.IDENTITIES) -> TrustStore:
    lists = [TrustList("actors", purpose, Tier.CURRENT, of.root_pem)]
    if times:
        lists.append(TrustList("times", TrustPurpose.TIMESTAMPS, Tier.CURRENT, AUTHORITY.root_pem))
    return TrustStore(tuple(lists))


def codes(of_store: bytes, trust: TrustStore, at: datetime = NOW) -> list[str]:
    return [status.code for standing in judge_identities(of_store, trust, at=at) for status in standing.statuses]


ACTOR = chain(name="Example Press Agency", usages=(DOCUMENT_SIGNING,))
VALIDATED, TRUSTED = "cawg.x509.signature.validated", "cawg.x509.credential.trusted"
UNTRUSTED, OUTSIDE = "cawg.x509.credential.untrusted", "cawg.x509.signature.outside_validity"
STAMPED = "cawg.x509.time_stamp.trusted"


def test_a_sound_identity_is_named() -> None:
    (standing,) = judge_identities(vouched(ACTOR), trusting(ACTOR), at=NOW)
    assert (standing.locator, standing.signer, standing.signed_at) == (
        LOCATOR,
        "Example Press Agency, Throw-away tests",
        None,
    )
    assert [status.code for status in standing.statuses] == [VALIDATED, TRUSTED]


@pytest.mark.parametrize("purpose", [TrustPurpose.SIGNERS, TrustPurpose.TIMESTAMPS])
def test_only_lists_for_identities_count(purpose: TrustPurpose) -> None:
    assert codes(vouched(ACTOR), trusting(ACTOR, times=False, purpose=purpose)) == [VALIDATED, UNTRUSTED]


def test_a_certificate_may_be_listed_itself() -> None:
    allowed = TrustList("people", TrustPurpose.IDENTITIES, Tier.CURRENT, b"", allowed_pem=pem_of(ACTOR.certificates[:1]))
    assert codes(vouched(ACTOR), TrustStore((allowed,))) == [VALIDATED, TRUSTED]


@pytest.mark.parametrize("usages", [(CLAIM_SIGNING,), (SERVER_AUTHENTICATION,)])
def test_the_certificate_must_be_for_signing_documents(usages: tuple[str, ...]) -> None:
    of = chain(usages=usages, root=ACTOR.authorities[0], key=ACTOR.key)
    swapped = Credential(of.certificates, Algorithm.ES256)

    class Signer:
        """The actor's key under another certificate."""

        credential = swapped

        def sign(self, payload: bytes) -> bytes:
            return ACTOR.signer.sign(payload)

    with pytest.raises(CredentialInvalid, match="may not vouch"):
        NamedActor(Signatory(Signer()))
    signature = sign1(encode_cbor(PAYLOAD), Signatory(Signer()), protected=protected_header(Signer()))  # type: ignore[arg-type]
    assertion = encode_cbor({"signer_payload": PAYLOAD, "signature": signature, "pad1": b""})  # type: ignore[dict-item]
    assert codes(store(assertion), trusting(of)) == [VALIDATED, "cawg.x509.credential.invalid"]


def test_an_identity_dies_with_its_certificate_unless_it_was_stamped_in_time() -> None:
    later = NOW + timedelta(days=20)
    assert codes(vouched(ACTOR), trusting(ACTOR), later) == [VALIDATED, OUTSIDE]
    assert codes(vouched(ACTOR, at=NOW), trusting(ACTOR), later) == [VALIDATED, STAMPED, TRUSTED]
    assert codes(vouched(ACTOR, at=NOW), trusting(ACTOR, times=False), later) == [VALIDATED, OUTSIDE]


def test_the_time_of_another_signature_is_no_time() -> None:
    good = vouched(ACTOR, at=NOW)
    other = AUTHORITY.at_time(NOW).token(b"something else")
    at = good.index(b"sigTst2")
    token_at = good.index(b"\x30\x82", at)
    assert len(other) <= int.from_bytes(good[token_at - 2 : token_at], "big") + 8
    size = int.from_bytes(good[token_at - 2 : token_at], "big")
    swapped = good[:token_at] + other[:size].ljust(size, b"\0") + good[token_at + size :]
    assert STAMPED not in codes(swapped, trusting(ACTOR))


@pytest.mark.parametrize(
    "order",
    [
        ("role", "sig_type", "referenced_assertions"),
        ("referenced_assertions", "sig_type", "role"),
        ("sig_type", "referenced_assertions", "role"),
    ],
)
def test_a_signature_holds_over_the_order_it_was_made_over(order: tuple[str, ...]) -> None:
    as_listed = {name: PAYLOAD[name] for name in order}
    assert codes(signed(ACTOR, as_listed, as_listed), trusting(ACTOR)) == [VALIDATED, TRUSTED]
    (reference,) = PAYLOAD["referenced_assertions"]
    deterministic = {
        "role": PAYLOAD["role"],
        "sig_type": PAYLOAD["sig_type"],
        "referenced_assertions": [{name: reference[name] for name in ("alg", "url", "hash")}],  # type: ignore[index]
    }
    assert codes(signed(ACTOR, as_listed, deterministic), trusting(ACTOR)) == [VALIDATED, TRUSTED]


@pytest.mark.parametrize(
    "changed",
    [
        {**PAYLOAD, "role": ["cawg.publisher"]},
        {**PAYLOAD, "expected_countersigners": []},
        {name: value for name, value in PAYLOAD.items() if name != "role"},
    ],
)
def test_a_signature_over_something_else_is_left_to_the_sdk(changed: dict[str, object]) -> None:
    assert codes(signed(ACTOR, PAYLOAD, changed), trusting(ACTOR)) == []


def test_an_aggregator_s_identity_is_left_to_the_sdk() -> None:
    aggregated = {**PAYLOAD, "sig_type": "cawg.identity_claims_aggregation"}
    assert codes(signed(ACTOR, aggregated, aggregated), trusting(ACTOR)) == []


def test_a_second_identity_is_judged_too() -> None:
    both = vouched(ACTOR)
    assertion = both[both.index(b"cbor") + 4 :]
    assert codes(store(assertion, "cawg.identity__1"), trusting(ACTOR)) == [VALIDATED, TRUSTED]
    assert codes(store(assertion, "cawg.identity_of_others"), trusting(ACTOR)) == []


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10_000), flipped=st.integers(1, 255))
def test_no_flipped_byte_crashes_the_judge(at: int, flipped: int) -> None:
    data = bytearray(VOUCHED)
    data[at % len(data)] ^= flipped
    for standing in judge_identities(bytes(data), TRUST, at=NOW):
        assert standing.statuses


VOUCHED, TRUST = vouched(ACTOR, at=NOW), trusting(ACTOR)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_judge(data: bytes) -> None:
    assert judge_identities(data, TRUST, at=NOW) == ()
    assert judge_identities(store(data), TRUST, at=NOW) == ()


def test_ours_take_the_place_of_the_sdk_s_and_its_other_findings_stay() -> None:
    def said(code: str, outcome: Outcome, locator: str = LOCATOR) -> StatusEvidence:
        return StatusEvidence(C2PA_EXAMINER, code, outcome, locator)

    standings = judge_identities(vouched(ACTOR), TRUST, at=NOW)
    kept = said("claimSignature.validated", Outcome.SUCCESS, "elsewhere")
    other = said("cawg.x509.signature.mismatch", Outcome.FAILURE, LOCATOR + "__1")
    found = list(with_standings([kept, said("cawg.x509.signature.mismatch", Outcome.FAILURE), other], standings))
    assert [status.code for status in found] == [
        "claimSignature.validated",
        "cawg.x509.signature.mismatch",
        VALIDATED,
        TRUSTED,
        "cawg.identity.well-formed",
    ]
    flawed = said("cawg.identity.hard_binding_missing", Outcome.FAILURE)
    assert "cawg.identity.well-formed" not in success_codes(list(with_standings([flawed], standings)))


def test_a_stamped_file_shows_its_actor_after_both_certificates_have_run_out() -> None:
    claimant = sound_chain()
    actor = NamedActor(Signatory(ACTOR.signer, timestamper()), (Role.PUBLISHER,))
    asset = Stamper(claimant.signer, timestamps=timestamper(), actor=actor).stamp(picture(), RECORD)
    trust = TrustStore((*claimant.trust().lists, *trusting(ACTOR).lists))
    evidence = C2paExaminer(trust, at=NOW + timedelta(days=20)).examine(asset)
    assert provenance_state(evidence) is ProvenanceState.TRUSTED
    assert success_codes(evidence) >= {VALIDATED, TRUSTED, STAMPED, "cawg.identity.well-formed"}
    (declared,) = (d for d in declarations(evidence) if d.examiner == "identity")
    assert declared.signed_at is not None
    assert abs(declared.signed_at - NOW) < timedelta(hours=1)


ENCYPHER = ["eddsa-jpeg.jpg", "es256-bestpractice-jpeg.jpg", "es256-composed-jpeg.jpg", "es256-jpeg.jpg", "es256-pad1-jpeg.jpg",
            "es256-png.png", "es256-smime-jpeg.jpg", "es256-wrong-eku-jpeg.jpg", "ps256-jpeg.jpg"]  # fmt: skip


@pytest.mark.parametrize("name", ENCYPHER)
def test_sound_identities_of_others_are_not_called_broken(shared: Path, name: str) -> None:
    asset = Asset.from_bytes((shared / "c2pa/encypher-cawg-generated" / f"x509-{name}").read_bytes())
    evidence = C2paExaminer(TrustStore(())).examine(asset)
    assert VALIDATED in success_codes(evidence)
    assert {code for code in failure_codes(evidence) if code.startswith("cawg.")} == (
        {"cawg.x509.credential.invalid"} if "wrong-eku" in name else {UNTRUSTED}
    )
