"""The public test files and the lab's attacks, against what was measured and what an honest verifier must answer."""

from __future__ import annotations

import csv
import socket
from pathlib import Path

import pytest

from provenance.asset import Asset
from provenance.errors import AssetUnsupported, ExaminerError
from provenance.evidence import Outcome, StatusEvidence, Tier
from provenance.reader import C2paExaminer
from provenance.trust import TrustList, TrustPurpose, TrustStore
from provenance.verdict import Conclusion, ProvenanceState, VerdictPolicy, provenance_state

UNREADABLE = "unreadable"
STATES = {"Trusted": "trusted", "Valid": "unknown_signer", "Invalid": "invalid"}
"""The SDK's verdict as our state; anything else there is an error or no manifest."""

CAWG = "c2pa-rs-cawg-identity/"
DIFFERENT = {
    # An ingredient was altered when it was taken in, and the claim says so; the SDK only repeats it.
    "c2pa-rs/CACAE-uri-CA.jpg": "invalid",
    "c2pa-rs/CIE-sig-CA.jpg": "invalid",
    "public-testfiles/adobe-20220124-CIE-sig-CA.jpg": "invalid",
    # An identity assertion that fails, or cannot be resolved offline, is shown and leaves the claim's own state alone.
    f"{CAWG}adobe_connected_identities.jpg": "unknown_signer",
    f"{CAWG}duplicate_assertion_reference.jpg": "trusted",
    f"{CAWG}extra_field.jpg": "trusted",
    f"{CAWG}invalid_content_type.jpg": "trusted",
    f"{CAWG}invalid_cose_sign1.jpg": "trusted",
    f"{CAWG}invalid_issuer_did.jpg": "trusted",
    f"{CAWG}invalid_time_stamp.jpg": "trusted",
    f"{CAWG}missing_cose_sign_alg.jpg": "trusted",
    f"{CAWG}no_hard_binding.jpg": "trusted",
    f"{CAWG}pad2_invalid.jpg": "trusted",
    f"{CAWG}signer_payload_mismatch.jpg": "trusted",
    f"{CAWG}unresolvable_did.jpg": "trusted",
    f"{CAWG}valid_from_after_time_stamp.jpg": "trusted",
    f"{CAWG}valid_from_missing.jpg": "trusted",
    "c2pa-rs/C_with_CAWG_data.jpg": "trusted",
    # Invalid there for an older trust configuration (signingCredential.invalid); intact and unknown with ours.
    **{
        f"encypher-cawg-generated/x509-{name}": "unknown_signer"
        for name in (
            "eddsa-jpeg.jpg",
            "es256-bestpractice-jpeg.jpg",
            "es256-composed-jpeg.jpg",
            "es256-jpeg.jpg",
            "es256-pad1-jpeg.jpg",
            "es256-png.png",
            "es256-smime-jpeg.jpg",
            "es256-wrong-eku-jpeg.jpg",
            "ps256-jpeg.jpg",
        )
    },
    # The SDK raises; a manifest that is there and cannot be parsed is invalid, not absent.
    f"{CAWG}malformed_cbor.jpg": "invalid",
    "c2pa-rs/no_alg.jpg": "invalid",
    "c2pa-rs/prerelease.jpg": "invalid",
    "encypher-conformance/corrupt_box_type.jpg": "invalid",
    "encypher-conformance/expired_signer.jpg": "invalid",
    "encypher-conformance/tampered_signature.jpg": "invalid",
    "encypher-conformance/truncated_jumbf.jpg": "invalid",
    "encypher-conformance/wrong_eku_signer.jpg": "invalid",
    # The asset's own structure is broken: nothing is known of a manifest.
    "c2pa-rs/tiff_poc.tiff": UNREADABLE,
    "lab-attacks/truncated.png": UNREADABLE,
}


@pytest.fixture(scope="module")
def material(shared: Path) -> Path:
    folder = shared / "c2pa"
    if not (folder / "EXPECTED.tsv").is_file():
        pytest.skip("needs ../shared/c2pa, which is not here")
    return folder


@pytest.fixture(scope="module")
def trust(material: Path) -> TrustStore:
    roots = b"".join((material / "trust" / name).read_bytes() for name in ("c2pa-rs-test-roots.pem", "lab-roots.pem"))
    return TrustStore((TrustList("test roots", TrustPurpose.SIGNERS, Tier.CURRENT, roots),))


def state_of(path: Path, trust: TrustStore, sidecar: bytes | None = None) -> str:
    try:
        state = provenance_state(C2paExaminer(trust, sidecar=sidecar).examine(Asset.from_bytes(path.read_bytes())))
    except ExaminerError:
        return UNREADABLE
    assert state is not None
    return state.value


def test_every_still_image_against_the_sdk(material: Path, trust: TrustStore) -> None:
    differing, seen = {}, 0
    with (material / "EXPECTED.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            try:
                ours = state_of(material / row["file"], trust)
            except AssetUnsupported:
                continue
            seen += 1
            if ours != STATES.get(row["c2pa0381_test+lab_roots"], "absent"):
                differing[row["file"]] = ours
    assert differing == DIFFERENT
    assert seen == 123


LAB = {
    "Trusted": {"trusted"},
    "Valid(untrusted)": {"unknown_signer"},
    "Invalid": {"invalid"},
    "NoManifest": {"absent"},
    "Error": {UNREADABLE},
    "Error unless fetched": {"absent"},
}


def test_every_lab_attack_is_answered_honestly(material: Path, trust: TrustStore) -> None:
    with (material / "lab-attacks" / "expected.tsv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["file"] != "sidecar.c2pa"]
    wrong = {
        row["file"]: state
        for row in rows
        if (state := state_of(material / "lab-attacks" / row["file"], trust)) not in LAB[row["expected"]]
    }
    assert wrong == {}
    assert len(rows) == 24


def test_every_lab_alteration_is_called_altered(material: Path, trust: TrustStore) -> None:
    for path in sorted((material / "lab-attacks").iterdir()):
        if path.name.startswith(("tamper_", "append_", "meta_added", "transplant")):
            verdict = VerdictPolicy().decide(C2paExaminer(trust).examine(Asset.from_bytes(path.read_bytes())))
            assert verdict.conclusion is Conclusion.ALTERED, path.name


@pytest.mark.parametrize("name", ["c2pa-rs/CACAE-uri-CA.jpg", "c2pa-rs/CIE-sig-CA.jpg", "c2pa-python/CIE-sig-CA.jpg"])
def test_altered_ingredient_of_an_old_claim_is_altered(name: str, material: Path, trust: TrustStore) -> None:
    verdict = VerdictPolicy().decide(C2paExaminer(trust).examine(Asset.from_bytes((material / name).read_bytes())))
    assert verdict.conclusion is Conclusion.ALTERED


def test_sidecar_of_the_lab_is_trusted(material: Path, trust: TrustStore) -> None:
    folder = material / "lab-attacks"
    assert state_of(folder / "sidecar.png", trust) == "absent"
    assert state_of(folder / "sidecar.png", trust, (folder / "sidecar.c2pa").read_bytes()) == "trusted"
    assert state_of(folder / "strip_reencode.jpg", trust, (folder / "sidecar.c2pa").read_bytes()) == "invalid"


def test_remote_manifest_is_named_and_not_fetched(material: Path, trust: TrustStore) -> None:
    data = (material / "lab-attacks" / "remote_ssrf_loopback.png").read_bytes()
    address = data[data.index(b"http://127.0.0.1") :]
    port = int(address[len("http://127.0.0.1:") :].split(b"/")[0])
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            # Something else has the port: move the reference to one of our own of as many digits.
            pytest.skip(f"port {port} is taken")
        listener.listen()
        listener.settimeout(0.3)
        evidence = C2paExaminer(trust).examine(Asset.from_bytes(data))
        with pytest.raises(TimeoutError):
            listener.accept()
    assert [(e.code, e.outcome) for e in evidence if isinstance(e, StatusEvidence)] == [
        ("manifest.remote_reference", Outcome.INFORMATIONAL)
    ]


def test_interim_list_is_legacy(material: Path) -> None:
    folder = material / "trust"
    anchors, allowed = (folder / "ITL-anchors.pem").read_bytes(), (folder / "ITL-allowed.pem").read_bytes()
    store = TrustStore((TrustList("interim", TrustPurpose.SIGNERS, Tier.LEGACY, anchors, allowed),))
    tiers = set()
    for path in sorted(material.rglob("*.jp*g")):
        verdict = VerdictPolicy().decide(C2paExaminer(store).examine(Asset.from_bytes(path.read_bytes())))
        if verdict.state is ProvenanceState.TRUSTED:
            tiers.add(verdict.tier)
    assert tiers == {Tier.LEGACY}


def test_official_lists_load(material: Path) -> None:
    folder = material / "trust"
    for name, purpose in (("C2PA-TRUST-LIST", TrustPurpose.SIGNERS), ("C2PA-TSA-TRUST-LIST", TrustPurpose.TIMESTAMPS)):
        assert TrustList(name, purpose, Tier.CURRENT, (folder / f"{name}.pem").read_bytes()).sha256
