from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from provenance.errors import TrustStoreError
from provenance.evidence import Outcome, StatusEvidence, Tier, failure_codes
from provenance.keys import create_development_credential, development_directory, signer_from_uri
from provenance.reader import C2paExaminer
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.verdict import ProvenanceState, VerdictPolicy, provenance_state
from tests.assets.attacks import signed
from tests.assets.chains import chain, pem_of, sound_chain


def own(home: Path, extra: Sequence[Path] = ()) -> TrustStore:
    """Without the lists that come with Assay."""
    return TrustStore.load(home, extra, shipped=False)


def put(home: Path, name: str, pem: bytes) -> None:
    path = home / "trust" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pem)


@pytest.mark.parametrize(
    ("folder", "purpose", "tier"),
    [
        ("signers", TrustPurpose.SIGNERS, Tier.CURRENT),
        ("legacy", TrustPurpose.SIGNERS, Tier.LEGACY),
        ("timestamps", TrustPurpose.TIMESTAMPS, Tier.CURRENT),
        ("identities", TrustPurpose.IDENTITIES, Tier.CURRENT),
    ],
)
def test_folder_says_purpose_and_tier(folder: str, purpose: TrustPurpose, tier: Tier, tmp_path: Path) -> None:
    put(tmp_path, f"{folder}/mine.pem", sound_chain().root_pem)
    (entry,) = own(tmp_path).lists
    assert (entry.name, entry.purpose, entry.tier, entry.anchors_pem) == ("mine", purpose, tier, sound_chain().root_pem)


def test_an_empty_home_trusts_nobody(tmp_path: Path) -> None:
    assert own(tmp_path).lists == ()
    assert provenance_state(C2paExaminer(TrustStore()).examine(signed())) is ProvenanceState.UNKNOWN_SIGNER


def test_development_credential_is_of_the_development_tier(tmp_path: Path) -> None:
    create_development_credential(tmp_path, now=datetime.now(UTC))
    asset = signed(signer=signer_from_uri("development:", home=tmp_path))
    verdict = VerdictPolicy().decide(C2paExaminer(own(tmp_path)).examine(asset))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.DEVELOPMENT)


def test_only_the_authority_of_the_development_chain_is_trusted(tmp_path: Path) -> None:
    made = create_development_credential(tmp_path, now=datetime.now(UTC))
    (entry,) = own(tmp_path).lists
    assert entry.anchors_pem == pem_of(made.certificates[-1:])


def test_a_retired_development_authority_is_still_of_the_development_tier(tmp_path: Path) -> None:
    create_development_credential(tmp_path / "old", now=datetime.now(UTC))
    asset = signed(signer=signer_from_uri("development:", home=tmp_path / "old"))
    create_development_credential(tmp_path / "new", now=datetime.now(UTC))
    retired = development_directory(tmp_path / "new") / "retired"
    retired.mkdir()
    (retired / "2026.pem").write_bytes((development_directory(tmp_path / "old") / "chain.pem").read_bytes())
    verdict = VerdictPolicy().decide(C2paExaminer(own(tmp_path / "new")).examine(asset))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.DEVELOPMENT)
    (entry,) = own(tmp_path / "new").lists
    assert (entry.name, entry.anchors_pem.count(b"BEGIN")) == ("development", 2)
    (development_directory(tmp_path / "new") / "chain.pem").unlink()
    (left,) = own(tmp_path / "new").lists
    assert (left.anchors_pem.count(b"BEGIN"), entry.anchors_pem.endswith(left.anchors_pem)) == (1, True)


def test_anchors_named_on_the_way_are_for_signers(tmp_path: Path) -> None:
    (tmp_path / "mine.pem").write_bytes(sound_chain().root_pem)
    store = own(tmp_path, [tmp_path / "mine.pem"])
    assert [(e.purpose, e.tier) for e in store.lists] == [(TrustPurpose.SIGNERS, Tier.CURRENT)]
    assert provenance_state(C2paExaminer(store).examine(signed())) is ProvenanceState.TRUSTED


@pytest.mark.parametrize("tier", Tier)
def test_tier_of_the_list_is_the_tier_of_the_verdict(tier: Tier) -> None:
    verdict = VerdictPolicy().decide(C2paExaminer(sound_chain().trust(tier=tier)).examine(signed()))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, tier)


@pytest.mark.parametrize("purpose", [TrustPurpose.TIMESTAMPS, TrustPurpose.IDENTITIES])
def test_a_list_for_something_else_does_not_make_a_signer_trusted(purpose: TrustPurpose) -> None:
    evidence = C2paExaminer(sound_chain().trust(purpose)).examine(signed())
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER
    assert failure_codes(evidence) == {"signingCredential.untrusted"}
    assert [e.outcome for e in evidence if isinstance(e, StatusEvidence) and e.code == "manifest.signer_on_wrong_list"] == [
        Outcome.INFORMATIONAL
    ]


ORDERS = [(TrustPurpose.TIMESTAMPS, TrustPurpose.SIGNERS), (TrustPurpose.SIGNERS, TrustPurpose.TIMESTAMPS)]


@pytest.mark.parametrize("purposes", ORDERS * 4)  # the SDK names one of them at random
def test_an_anchor_on_both_lists_is_still_a_signers(purposes: tuple[TrustPurpose, ...]) -> None:
    store = TrustStore(tuple(entry for purpose in purposes for entry in sound_chain().trust(purpose).lists))
    assert provenance_state(C2paExaminer(store).examine(signed())) is ProvenanceState.TRUSTED


@pytest.mark.parametrize("tiers", [*itertools.permutations(Tier)])
def test_best_tier_of_an_anchor_on_several_lists_counts(tiers: tuple[Tier, ...]) -> None:
    store = TrustStore(tuple(entry for tier in tiers for entry in sound_chain().trust(tier=tier).lists))
    assert VerdictPolicy().decide(C2paExaminer(store).examine(signed())).tier is Tier.CURRENT


def test_a_signers_anchor_on_the_same_list_does_not_help_a_stranger_on_it() -> None:
    """The time-stamp list holds both anchors, the signers' list one of them."""
    known, stranger = sound_chain(), chain(name="Stranger")
    both = TrustList("both", TrustPurpose.TIMESTAMPS, Tier.CURRENT, known.root_pem + stranger.root_pem)
    store = TrustStore((*known.trust().lists, both))
    assert provenance_state(C2paExaminer(store).examine(signed(chain=stranger))) is ProvenanceState.UNKNOWN_SIGNER


def test_a_parent_does_not_lend_its_signers_trust() -> None:
    """`trustListUri` names the list of the manifest validated last, which is the parent's."""
    known, other = sound_chain(), chain(name="Only a time-stamp authority")
    asset = signed(chain=other, parents=(signed(chain=known),))
    store = TrustStore((*known.trust().lists, *other.trust(TrustPurpose.TIMESTAMPS, name="other").lists))
    assert provenance_state(C2paExaminer(store).examine(asset)) is ProvenanceState.UNKNOWN_SIGNER


def test_a_parent_does_not_lend_its_tier() -> None:
    known, mine = sound_chain(), chain(name="Development")
    asset = signed(chain=mine, parents=(signed(chain=known),))
    store = TrustStore((*known.trust().lists, *mine.trust(tier=Tier.DEVELOPMENT, name="mine").lists))
    verdict = VerdictPolicy().decide(C2paExaminer(store).examine(asset))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.DEVELOPMENT)


@pytest.mark.parametrize("name", ["plain", "with space", "br[ack]et", "ünï:cödé/", 'quo"te'])
def test_name_of_a_list_may_be_anything(name: str) -> None:
    assert provenance_state(C2paExaminer(sound_chain().trust(name=name)).examine(signed())) is ProvenanceState.TRUSTED


def test_allowed_certificates_lie_beside_the_anchors(tmp_path: Path) -> None:
    put(tmp_path, "legacy/interim.pem", chain().root_pem)
    put(tmp_path, "legacy/interim.allowed.pem", pem_of([sound_chain().leaf]))
    (entry,) = own(tmp_path).lists
    assert entry.allowed_pem == pem_of([sound_chain().leaf])
    verdict = VerdictPolicy().decide(C2paExaminer(own(tmp_path)).examine(signed()))
    assert (verdict.state, verdict.tier) == (ProvenanceState.TRUSTED, Tier.LEGACY)


def test_allowed_certificates_may_be_given_to_the_sdk_as_digests(tmp_path: Path) -> None:
    (line,) = TrustList("a", TrustPurpose.SIGNERS, Tier.LEGACY, b"", pem_of([sound_chain().leaf])).allowed_digests.split()
    assert base64.b64decode(line) == sound_chain().leaf.fingerprint(hashes.SHA256())
    assert TrustList("a", TrustPurpose.SIGNERS, Tier.LEGACY, sound_chain().root_pem).allowed_digests == ""


def test_a_certificate_allowed_for_time_stamps_only_is_not_a_signer() -> None:
    entry = TrustList("tsa", TrustPurpose.TIMESTAMPS, Tier.CURRENT, b"", allowed_pem=pem_of([sound_chain().leaf]))
    assert provenance_state(C2paExaminer(TrustStore((entry,))).examine(signed())) is ProvenanceState.UNKNOWN_SIGNER


@pytest.mark.parametrize("pem", [b"", b"\n", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
@pytest.mark.parametrize("name", ["signers/a.pem", "legacy/a.pem", "timestamps/a.pem"])
def test_unusable_lists_are_refused(name: str, pem: bytes, tmp_path: Path) -> None:
    put(tmp_path, name, pem)
    with pytest.raises(TrustStoreError) as caught:
        own(tmp_path)
    assert caught.value.code == "trust.unusable"


def test_a_file_of_anchors_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustStoreError, match=r"nowhere\.pem"):
        own(tmp_path, [tmp_path / "nowhere.pem"])


def test_a_directory_is_no_file_of_anchors(tmp_path: Path) -> None:
    with pytest.raises(TrustStoreError):
        own(tmp_path, [tmp_path])


def test_a_spoilt_development_chain_is_refused(tmp_path: Path) -> None:
    development_directory(tmp_path).mkdir(parents=True)
    (development_directory(tmp_path) / "chain.pem").write_bytes(b"junk")
    with pytest.raises(TrustStoreError):
        own(tmp_path)


def test_two_lists_of_one_name_are_refused() -> None:
    (entry,) = sound_chain().trust().lists
    with pytest.raises(TrustStoreError, match="one name"):
        TrustStore((entry, entry))


def test_versions_name_the_digests(tmp_path: Path) -> None:
    put(tmp_path, "signers/a.pem", sound_chain().root_pem)
    digest = hashlib.sha256(sound_chain().root_pem + b"\0").hexdigest()
    assert own(tmp_path).versions == {"trust:manifest:current:a": f"sha256:{digest}"}


def test_lists_of_one_name_in_two_tiers_are_both_in_the_versions(tmp_path: Path) -> None:
    put(tmp_path, "signers/a.pem", sound_chain().root_pem)
    put(tmp_path, "legacy/a.pem", chain().root_pem)
    assert len(own(tmp_path).versions) == 2
