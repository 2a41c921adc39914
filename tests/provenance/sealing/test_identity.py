from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import c2pa
import encypher_c2pa
import pytest

from provenance.asset import Asset
from provenance.errors import CredentialExpired, SignerUnavailable, SigningError
from provenance.evidence import (
    IDENTITY_EXAMINER,
    DeclarationEvidence,
    Evidence,
    Role,
    Tier,
    declarations,
    failure_codes,
    success_codes,
)
from provenance.keys import Algorithm
from provenance.manifest import Ingredient, ManifestDefinition, manifest_for
from provenance.reader import C2paExaminer
from provenance.sealing.cose_signature import Signatory
from provenance.sealing.identity import NamedActor, identity_assertion, identity_declarations
from provenance.signing import ManifestSigner
from provenance.stamp import Stamper
from provenance.status_codes import IDENTITY_PROOFS
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.validation.cbor import decode_cbor, encode_cbor
from provenance.verdict import ProvenanceState, VerdictPolicy, provenance_state
from tests.assets.attacks import RECORD, SOFTWARE
from tests.assets.authorities import timestamping_authority
from tests.assets.chains import DOCUMENT_SIGNING, NOW, Chain, chain, sound_chain
from tests.assets.pictures import encoded, picture
from tests.provenance.sealing.test_seal import timestamper

CLAIMANT = sound_chain()
ACTOR = chain(name="Example Press Agency", usages=(DOCUMENT_SIGNING,))


def actor(of: Chain = ACTOR, *roles: Role) -> NamedActor:
    return NamedActor(Signatory(of.signer), roles or (Role.PUBLISHER,))


def identities(of: Chain, purpose: TrustPurpose = TrustPurpose.IDENTITIES) -> TrustList:
    return TrustList("actors", purpose, Tier.CURRENT, of.root_pem)


def examine(asset: Asset, *lists: TrustList) -> list[Evidence]:
    return list(C2paExaminer(TrustStore((*CLAIMANT.trust().lists, *lists))).examine(asset))


def named(evidence: list[Evidence]) -> list[DeclarationEvidence]:
    return [d for d in declarations(evidence) if d.examiner == IDENTITY_EXAMINER]


VOUCHED = Stamper(CLAIMANT.signer, actor=actor()).stamp(picture(), RECORD)


def test_who_vouches_is_shown_beside_who_signed() -> None:
    evidence = examine(VOUCHED, identities(ACTOR))
    (declared,) = named(evidence)
    assert declared.signer == "Example Press Agency, Throw-away tests"
    assert declared.roles == ("cawg.publisher",)
    assert declared.digital_source_type is None
    assert declared.locator.endswith("/c2pa.assertions/cawg.identity")
    assert success_codes(evidence) >= IDENTITY_PROOFS
    assert provenance_state(evidence) is ProvenanceState.TRUSTED


def test_an_unknown_actor_takes_no_trust_from_the_claim() -> None:
    evidence = examine(VOUCHED)
    assert "cawg.x509.credential.untrusted" in failure_codes(evidence)
    assert provenance_state(evidence) is ProvenanceState.TRUSTED
    assert VerdictPolicy().decide(evidence).conclusion == "declared_synthetic"


def test_a_trusted_actor_lends_no_trust_to_the_claim() -> None:
    evidence = list(C2paExaminer(TrustStore((identities(ACTOR),))).examine(VOUCHED))
    assert success_codes(evidence) >= IDENTITY_PROOFS
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER


@pytest.mark.parametrize("purpose", [TrustPurpose.SIGNERS, TrustPurpose.TIMESTAMPS])
def test_an_actor_on_a_list_for_something_else_is_unknown(purpose: TrustPurpose) -> None:
    assert "cawg.x509.credential.trusted" not in success_codes(examine(VOUCHED, identities(ACTOR, purpose)))


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm_vouches(algorithm: Algorithm) -> None:
    of = chain(algorithm, usages=(DOCUMENT_SIGNING,), intermediate=True)
    asset = Stamper(CLAIMANT.signer, actor=actor(of)).stamp(picture(), RECORD)
    assert success_codes(examine(asset, identities(of))) >= IDENTITY_PROOFS


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/tiff", "image/avif"])
def test_another_verifier_agrees(media_type: str) -> None:
    who = NamedActor(Signatory(ACTOR.signer, timestamper()), (Role.PUBLISHER, Role.PRODUCER))
    asset = Stamper(CLAIMANT.signer, timestamps=timestamper(), actor=who).stamp(picture(), RECORD, media_type=media_type)
    report = encypher_c2pa.verify(
        asset.data,
        media_type,
        trust_pem=CLAIMANT.root_pem.decode(),
        tsa_trust_pem=timestamping_authority().root_pem.decode(),
        cawg_trust_pem=ACTOR.root_pem.decode(),
        no_default_trust=True,
        telemetry=False,
        online=False,
    )
    found = report["validation_results"]
    assert (report["validation_state"], found["failure"]) == ("Trusted", [])
    codes = {item["code"] for item in found["success"]}
    assert codes >= {"cawg.x509.credential.trusted", "cawg.x509.time_stamp.trusted"}


def test_what_is_vouched_for_is_what_is_claimed_and_the_hard_binding() -> None:
    (payload,) = (item["data"]["signer_payload"] for item in _assertions(VOUCHED) if item["label"] == "cawg.identity")
    labels = {reference["url"].rsplit("/", 1)[-1] for reference in payload["referenced_assertions"]}
    assert labels >= {"c2pa.hash.data", "c2pa.actions.v2", "c2pa.ai-disclosure", "org.assay.generation"}
    assert not {label for label in labels if label.startswith(("cawg.identity", "c2pa.ingredient", "c2pa.thumbnail"))}


def test_an_edit_of_a_vouched_image_is_vouched_for_anew() -> None:
    edited = Stamper(CLAIMANT.signer, actor=actor(ACTOR, Role.EDITOR)).stamp_asset(VOUCHED, RECORD)
    (declared,) = named(examine(edited, identities(ACTOR)))
    assert declared.roles == ("cawg.editor",)


def test_an_identity_carried_to_another_image_names_nobody() -> None:
    """The assertion of one image in the manifest of another, whose claim lists it as it is."""
    store = json.loads(_reader(VOUCHED).detailed_json())
    taken = store["manifests"][store["active_manifest"]]["assertion_store"]["cawg.identity"]
    definition = manifest_for(RECORD, media_type="image/png", instance_id="xmp.iid:1", software=SOFTWARE)
    copied = [*definition.definition["assertions"], {"label": "cawg.identity", "data": taken}]
    other = ManifestSigner(CLAIMANT.signer).sign(
        encoded(seed=3), replace(definition, definition={**definition.definition, "assertions": copied})
    )
    evidence = examine(other, identities(ACTOR))
    assert not success_codes(evidence) >= IDENTITY_PROOFS
    assert [declared.signer for declared in named(evidence)] in ([], [None])


def test_an_update_manifest_carries_no_identity_because_it_binds_nothing() -> None:
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}}
    definition = {
        "claim_version": 2,
        "claim_generator_info": [{"name": "Assay tests", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "created": True, "data": {"actions": [opened]}}],
    }
    update = ManifestDefinition(definition, (Ingredient("parent", "parentOf", VOUCHED),), update=True)
    updated = ManifestSigner(CLAIMANT.signer, timestamps=timestamper(), actor=actor()).sign(VOUCHED, update)
    assert "cawg.identity" not in {item["label"] for item in _assertions(updated)}
    assert provenance_state(examine(updated)) is ProvenanceState.TRUSTED


def test_an_actor_who_is_away_keeps_its_own_words() -> None:
    class Away:
        credential = ACTOR.signer.credential

        def sign(self, payload: bytes) -> bytes:
            raise SignerUnavailable("the actor is away")

    with pytest.raises(SignerUnavailable, match=r"^the actor is away$"):
        Stamper(CLAIMANT.signer, actor=NamedActor(Signatory(Away()))).stamp(picture(), RECORD)


def test_an_expired_actor_cannot_vouch() -> None:
    expired = chain(name="Gone", usages=(DOCUMENT_SIGNING,), start=NOW.replace(year=2020), end=NOW.replace(year=2021))
    with pytest.raises(CredentialExpired, match="Gone"):
        Stamper(CLAIMANT.signer, actor=actor(expired))


def test_a_claim_without_hard_binding_is_not_vouched_for() -> None:
    claim = encode_cbor({"created_assertions": [{"url": "self#jumbf=c2pa.assertions/c2pa.actions.v2", "hash": bytes(32)}]})
    with pytest.raises(SigningError, match="no hard binding"):
        identity_assertion(actor(), claim, size=4000)


def test_an_assertion_fills_its_place_or_says_that_it_cannot() -> None:
    claim = encode_cbor({"created_assertions": [{"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}]})
    for size in (2000, 2001, 70_000):
        assert len(identity_assertion(actor(), claim, size=size)) == size
    with pytest.raises(SigningError, match="does not fit"):
        identity_assertion(actor(), claim, size=300)
    fields = dict(decode_cbor(identity_assertion(actor(), claim, size=2000)))  # type: ignore[call-overload]
    assert not any(fields["pad1"])


SHARED_IDENTITIES = {
    "extra_field.jpg": "C2PA Signer, C2PA Test Signing Cert",
    "duplicate_assertion_reference.jpg": None,
    "no_hard_binding.jpg": None,
    "pad2_invalid.jpg": None,
    "adobe_connected_identities.jpg": None,
    "invalid_cose_sign1.jpg": None,
    "signer_payload_mismatch.jpg": None,
    "valid_until_in_future.jpg": None,
}


@pytest.mark.parametrize("name", SHARED_IDENTITIES)
def test_a_name_is_given_only_where_it_was_signed_for_this(shared: Path, name: str) -> None:
    asset = Asset.from_bytes((shared / "c2pa/c2pa-rs-cawg-identity" / name).read_bytes())
    assert [declared.signer for declared in named(examine(asset))] == [SHARED_IDENTITIES[name]]


@pytest.mark.parametrize("store", [{}, {"active_manifest": "x"}, {"active_manifest": "x", "manifests": {"x": []}}])
def test_a_store_without_identities_names_nobody(store: dict[str, object]) -> None:
    assert list(identity_declarations(store)) == []


def _reader(asset: Asset) -> c2pa.Reader:
    return c2pa.Reader(asset.media_type, io.BytesIO(asset.data))


def _assertions(asset: Asset) -> list[dict[str, Any]]:
    store = json.loads(_reader(asset).json())
    found: list[dict[str, Any]] = store["manifests"][store["active_manifest"]]["assertions"]
    return found
