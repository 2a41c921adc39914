"""When a signer counts: at which time, on which list, revoked or not. Each file is sound but for what its name says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.asset import Asset
from provenance.evidence import Evidence, StatusEvidence, Tier, declarations, failure_codes, success_codes
from provenance.reader import C2paExaminer
from provenance.status_codes import TIMESTAMP_PROOFS
from provenance.trust.revocation import Revocation, Revocations
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.verdict import Conclusion, ProvenanceState, VerdictPolicy, provenance_state
from tests.assets.attacks import signed
from tests.assets.authorities import ocsp_response, timestamping_authority
from tests.assets.chains import NOW, SERVER_AUTHENTICATION, TIME_STAMPING, Chain, authority, chain, pem_of, sound_chain
from tests.assets.claims import EXPIRED, StampedAt, Stapled, expired_chain, old_root, signed_with, unchecked
from tests.provenance.validation.test_token_certificates import with_certificates

TSA = timestamping_authority()
IN_FORCE = EXPIRED + timedelta(days=1)
"""A time at which `EXPIRED_CHAIN` was in force."""
EXPIRED_CHAIN = expired_chain()
SIGNERS = TrustList("signers", TrustPurpose.SIGNERS, Tier.CURRENT, old_root().pem)
LEGACY = TrustList("interim", TrustPurpose.SIGNERS, Tier.LEGACY, old_root().pem)
STAMPERS = TrustList("stampers", TrustPurpose.TIMESTAMPS, Tier.CURRENT, TSA.root_pem)
STAMPERS_AS_SIGNERS = TrustList("mistaken", TrustPurpose.SIGNERS, Tier.CURRENT, TSA.root_pem)


def examined(asset: Asset, *lists: TrustList, at: datetime | None = None, revoked: Revocations | None = None) -> list[Evidence]:
    return list(C2paExaminer(TrustStore(lists), at=at, revocations=revoked).examine(asset))


def stamped(at: datetime = IN_FORCE, made: Chain = EXPIRED_CHAIN) -> Asset:
    return signed_with(made, timestamps=StampedAt(TSA, at))


def test_an_expired_credential_without_a_time_stamp_counts_no_more() -> None:
    evidence = examined(signed_with(EXPIRED_CHAIN), SIGNERS, STAMPERS)
    assert failure_codes(evidence) == {"signingCredential.expired", "claimSignature.outsideValidity"}
    verdict = VerdictPolicy().decide(evidence)
    assert (verdict.conclusion, verdict.state) == (Conclusion.INCONCLUSIVE, ProvenanceState.INVALID)


def test_an_expired_credential_that_was_stamped_in_time_counts() -> None:
    evidence = examined(stamped(), SIGNERS, STAMPERS)
    assert failure_codes(evidence) == frozenset()
    assert success_codes(evidence) >= TIMESTAMP_PROOFS | {"signingCredential.trusted", "claimSignature.insideValidity"}
    assert provenance_state(evidence) is ProvenanceState.TRUSTED
    assert declarations(evidence)[0].signed_at == IN_FORCE


@pytest.mark.parametrize("days", [-1, 3])
def test_a_time_stamp_outside_the_validity_does_not_help(days: int) -> None:
    evidence = examined(stamped(EXPIRED + timedelta(days=days)), SIGNERS, STAMPERS)
    assert "signingCredential.expired" in failure_codes(evidence)
    assert provenance_state(evidence) is ProvenanceState.INVALID


@pytest.mark.parametrize("others", [(), (STAMPERS_AS_SIGNERS,)], ids=["on no list", "on a list for signers"])
def test_a_time_stamp_of_an_authority_that_is_not_listed_for_it_does_not_help(others: tuple[TrustList, ...]) -> None:
    evidence = examined(stamped(), SIGNERS, *others)
    assert "signingCredential.expired" in failure_codes(evidence)
    assert declarations(evidence)[0].signed_at is None


def test_a_stamping_authority_on_lists_of_both_kinds_is_known() -> None:
    for lists in ((STAMPERS_AS_SIGNERS, STAMPERS), (STAMPERS, STAMPERS_AS_SIGNERS)):
        assert provenance_state(examined(stamped(), SIGNERS, *lists)) is ProvenanceState.TRUSTED


def test_a_time_stamp_moved_to_another_signature_is_no_time_stamp() -> None:
    class Borrowed(StampedAt):
        def token(self, message: bytes, *, within: object) -> bytes:
            return super().token(b"another signature", within=within)

    evidence = examined(signed_with(EXPIRED_CHAIN, timestamps=Borrowed(TSA, IN_FORCE)), SIGNERS, STAMPERS)
    assert "signingCredential.expired" in failure_codes(evidence)


class WithBorrowedCertificates(StampedAt):
    """Time-stamps that anybody makes, with the certificates of a listed authority put in."""

    def token(self, message: bytes, *, within: object) -> bytes:
        both = b"".join(c.public_bytes(Encoding.DER) for c in (*ROGUE.chain.certificates, *TSA.chain.certificates))
        return with_certificates(super().token(message, within=within), both)


ROGUE = timestamping_authority(name="Anybody's", usages=())


@pytest.mark.parametrize("version", [1, 2])  # of an older claim the SDK takes any authority's word
def test_a_listed_authority_s_certificates_in_a_token_of_somebody_else_do_not_date_back(version: int) -> None:
    evidence = examined(signed_with(EXPIRED_CHAIN, timestamps=WithBorrowedCertificates(ROGUE, IN_FORCE), claim_version=version),
                        SIGNERS, STAMPERS)  # fmt: skip
    assert "signingCredential.expired" in failure_codes(evidence)
    assert declarations(evidence)[0].signed_at is None
    assert provenance_state(evidence) is ProvenanceState.INVALID


def test_an_older_claim_that_was_stamped_in_time_counts() -> None:
    asset = signed_with(EXPIRED_CHAIN, timestamps=StampedAt(TSA, IN_FORCE), claim_version=1)
    assert provenance_state(examined(asset, SIGNERS, STAMPERS)) is ProvenanceState.TRUSTED


def test_a_signer_under_an_authority_for_web_servers_is_a_stranger() -> None:
    """The SDK overlooks what an authority between anchor and leaf is limited to."""
    root = authority("Throw-away root")
    made = chain(root=authority("Throw-away web authority", issuer=root, usages=(SERVER_AUTHENTICATION,)))
    shown = Chain(made.leaf, made.key, (*made.authorities, root))
    evidence = examined(signed(signer=unchecked(shown)), *shown.trust().lists)
    assert failure_codes(evidence) == {"signingCredential.untrusted"}
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER


def test_the_time_asked_about_decides_where_nobody_stamped() -> None:
    past = examined(signed_with(EXPIRED_CHAIN), SIGNERS, at=IN_FORCE)
    assert provenance_state(past) is ProvenanceState.TRUSTED
    future = examined(signed_with(sound_chain()), *sound_chain().trust().lists, at=NOW + timedelta(days=10))
    assert "signingCredential.expired" in failure_codes(future)
    before = examined(signed_with(EXPIRED_CHAIN), SIGNERS, at=EXPIRED - timedelta(days=1))
    assert "signingCredential.expired" in failure_codes(before)


def test_the_time_asked_about_does_not_change_what_was_stamped() -> None:
    evidence = examined(stamped(), SIGNERS, STAMPERS, at=datetime(2040, 1, 1, tzinfo=UTC))
    assert provenance_state(evidence) is ProvenanceState.TRUSTED


def test_an_expired_stranger_is_still_a_stranger() -> None:
    evidence = examined(signed_with(EXPIRED_CHAIN), STAMPERS, at=IN_FORCE)
    assert failure_codes(evidence) == {"signingCredential.untrusted"}
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER


def test_after_an_expiry_the_best_list_counts() -> None:
    verdict = VerdictPolicy().decide(examined(stamped(), LEGACY, SIGNERS, STAMPERS))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.CURRENT)
    verdict = VerdictPolicy().decide(examined(signed_with(EXPIRED_CHAIN), LEGACY, at=IN_FORCE))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.LEGACY)


def test_an_allowed_certificate_needs_no_chain_after_its_expiry_either() -> None:
    allowed = TrustList("allowed", TrustPurpose.SIGNERS, Tier.LEGACY, b"", pem_of([EXPIRED_CHAIN.leaf]))
    assert provenance_state(examined(signed_with(EXPIRED_CHAIN), allowed, at=IN_FORCE)) is ProvenanceState.TRUSTED
    assert "signingCredential.expired" in failure_codes(examined(signed_with(EXPIRED_CHAIN), allowed))


@pytest.mark.parametrize("usage", [TIME_STAMPING, SERVER_AUTHENTICATION])
@pytest.mark.parametrize("at", [None, IN_FORCE])
def test_a_certificate_for_something_else_may_not_sign(usage: str, at: datetime | None) -> None:
    end = NOW + timedelta(days=1) if at is None else EXPIRED + timedelta(days=2)
    made = chain(usages=(usage,), start=EXPIRED, end=end, root=old_root())
    evidence = examined(signed_with(made), SIGNERS, at=at)
    assert "signingCredential.trusted" not in success_codes(evidence)
    assert provenance_state(evidence) in (ProvenanceState.UNKNOWN_SIGNER, ProvenanceState.INVALID)
    assert "manifest.signer_usage_wrong" in {e.code for e in evidence if isinstance(e, StatusEvidence)}


def revoked(certificate_of: Chain, since: datetime) -> Revocations:
    return Revocations((Revocation(since, certificate_sha256=certificate_of.leaf.fingerprint(SHA256()).hex()),))


def test_a_revoked_signer_counts_no_more() -> None:
    made = sound_chain()
    own = revoked(made, NOW - timedelta(minutes=30))
    evidence = examined(signed_with(made), *made.trust().lists, revoked=own)
    assert failure_codes(evidence) == {"manifest.signer_revoked"}
    assert provenance_state(evidence) is ProvenanceState.INVALID
    assert VerdictPolicy().decide(evidence).conclusion is Conclusion.INCONCLUSIVE


@pytest.mark.parametrize(("minutes", "state"), [(-50, ProvenanceState.TRUSTED), (-10, ProvenanceState.INVALID)])
def test_what_was_stamped_before_the_revocation_still_counts(minutes: int, state: ProvenanceState) -> None:
    made, own = sound_chain(), revoked(sound_chain(), NOW - timedelta(minutes=30))
    asset = stamped(NOW + timedelta(minutes=minutes), made)
    assert provenance_state(examined(asset, *made.trust().lists, STAMPERS, revoked=own)) is state


def test_an_unlisted_authority_does_not_save_a_revoked_signer() -> None:
    made, own = sound_chain(), revoked(sound_chain(), NOW - timedelta(minutes=30))
    asset = stamped(NOW - timedelta(minutes=50), made)
    assert provenance_state(examined(asset, *made.trust().lists, revoked=own)) is ProvenanceState.INVALID


def test_a_revoked_stranger_is_invalid() -> None:
    own = revoked(sound_chain(), NOW - timedelta(minutes=30))
    assert failure_codes(examined(signed_with(sound_chain()), revoked=own)) == {
        "manifest.signer_revoked",
        "signingCredential.untrusted",
    }


def stapled(**answer: object) -> Stapled:
    return Stapled(ocsp_response(sound_chain(), **answer))  # type: ignore[arg-type]


def test_a_stapled_answer_that_the_certificate_is_in_force() -> None:
    evidence = examined(signed_with(sound_chain(), status=stapled()), *sound_chain().trust().lists)
    assert "signingCredential.ocsp.notRevoked" in success_codes(evidence)
    assert provenance_state(evidence) is ProvenanceState.TRUSTED


def test_a_stapled_answer_that_the_certificate_is_revoked() -> None:
    asset = signed_with(sound_chain(), status=stapled(revoked_at=NOW - timedelta(hours=2)))
    evidence = examined(asset, *sound_chain().trust().lists)
    assert failure_codes(evidence) == {"signingCredential.ocsp.revoked"}
    assert provenance_state(evidence) is ProvenanceState.INVALID


@pytest.mark.parametrize("answer", [{"unknown": True}, {"next_update": NOW - timedelta(minutes=1)}], ids=["unknown", "stale"])
def test_a_stapled_answer_that_says_nothing_changes_nothing(answer: dict[str, object]) -> None:
    evidence = examined(signed_with(sound_chain(), status=stapled(**answer)), *sound_chain().trust().lists)
    assert failure_codes(evidence) == frozenset()
    assert provenance_state(evidence) is ProvenanceState.TRUSTED


def test_a_revocation_after_the_time_stamp_leaves_the_signature_as_it_was() -> None:
    asset = signed_with(
        sound_chain(),
        timestamps=StampedAt(TSA, NOW - timedelta(minutes=50)),
        status=stapled(revoked_at=NOW - timedelta(minutes=20)),
    )
    assert provenance_state(examined(asset, *sound_chain().trust().lists, STAMPERS)) is ProvenanceState.TRUSTED


def test_lists_are_loaded_from_home(tmp_path: Path) -> None:
    folder = tmp_path / "trust" / "revoked"
    folder.mkdir(parents=True)
    digest = sound_chain().leaf.fingerprint(SHA256()).hex()
    (folder / "own.json").write_text(f'{{"revoked": [{{"certificate_sha256": "{digest}", "since": "{NOW.isoformat()}"}}]}}')
    evidence = examined(signed_with(sound_chain()), *sound_chain().trust().lists, revoked=Revocations.load(tmp_path))
    assert failure_codes(evidence) == {"manifest.signer_revoked"}
