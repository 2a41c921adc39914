"""The public test files and the lab's attacks, against what was measured and what an honest verifier must answer."""

from __future__ import annotations

import csv
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.asset import Asset
from provenance.errors import AssayError, ExaminerError
from provenance.evidence import Outcome, StatusEvidence, Tier
from provenance.reader import C2paExaminer
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.verdict import Conclusion, ProvenanceState, VerdictPolicy
from tests.provenance.shared_answers import ANSWERS, BROKEN_ELSEWHERE, DIFFERENT_FROM_SDK, INTACT_ELSEWHERE

STATES = {"Trusted": "trusted", "Valid": "unknown_signer", "Invalid": "invalid"}
"""The SDK's verdict as our state; anything else there is an error or no manifest."""

AT = datetime(2026, 11, 22, tzinfo=UTC)
"""The time credentials are judged at, so that the answers stay as they are."""


@pytest.fixture(scope="module")
def material(shared: Path) -> Path:
    folder = shared / "c2pa"
    if not (folder / "EXPECTED.tsv").is_file():
        pytest.skip("needs ../shared/c2pa, which is not here")
    return folder


@pytest.fixture(scope="module")
def trust(material: Path) -> TrustStore:
    folder = material / "trust"
    roots = b"".join((folder / name).read_bytes() for name in ("c2pa-rs-test-roots.pem", "lab-roots.pem"))
    stampers = b"".join((folder / name).read_bytes() for name in ("C2PA-TSA-TRUST-LIST.pem", "lab-tsa-root.pem"))
    return TrustStore(
        (
            TrustList("test roots", TrustPurpose.SIGNERS, Tier.CURRENT, roots),
            TrustList("stampers", TrustPurpose.TIMESTAMPS, Tier.CURRENT, stampers),
        )
    )


def answer_on(path: Path, trust: TrustStore, sidecar: bytes | None = None) -> str:
    """State, conclusion and extent, or the code of an error."""
    try:
        evidence = C2paExaminer(trust, sidecar=sidecar, at=AT).examine(Asset.from_bytes(path.read_bytes()))
    except AssayError as err:
        return err.code
    verdict = VerdictPolicy().decide(evidence)
    assert verdict.state is not None
    return ", ".join(filter(None, (verdict.state.value, verdict.conclusion.value, verdict.extent and verdict.extent.value)))


def state_of(path: Path, trust: TrustStore, sidecar: bytes | None = None) -> str:
    return answer_on(path, trust, sidecar).split(",")[0]


@pytest.fixture(scope="module")
def ours(rows: list[dict[str, str]], material: Path, trust: TrustStore) -> dict[str, str]:
    return {row["file"]: answer_on(material / row["file"], trust) for row in rows}


@pytest.fixture(scope="module")
def rows(material: Path) -> list[dict[str, str]]:
    with (material / "EXPECTED.tsv").open(newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def test_every_file_is_answered_as_recorded(ours: dict[str, str]) -> None:
    assert ours == ANSWERS
    assert len(ours) == 135


def test_every_difference_from_the_sdk_has_a_reason(rows: list[dict[str, str]], ours: dict[str, str]) -> None:
    theirs = {row["file"]: STATES.get(row["c2pa0381_test+lab_roots"], "absent") for row in rows}
    assert {name for name, answer in ours.items() if answer.split(",")[0] != theirs[name]} == set(DIFFERENT_FROM_SDK)


def test_every_difference_from_two_other_validators_has_a_reason(rows: list[dict[str, str]], ours: dict[str, str]) -> None:
    """encypher says "invalid" of what has no manifest too; c2pa-ts says it of strangers."""
    intact = {name for name, answer in ours.items() if answer.startswith(("trusted", "unknown_signer"))}
    valid = {row["file"] for row in rows if row["encypher171_integrity"] == "valid" or row["c2pa-ts094"] == "Valid"}
    refused = {row["file"] for row in rows if row["encypher171_integrity"] == "invalid" or row["c2pa-ts094"] == "Invalid"}
    assert valid - intact == set(INTACT_ELSEWHERE)
    assert refused & intact == set(BROKEN_ELSEWHERE)


LAB = {
    "Trusted": {"trusted"},
    "Valid(untrusted)": {"unknown_signer"},
    "Invalid": {"invalid"},
    "NoManifest": {"absent"},
    "Error": {ExaminerError.code},
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
    assert [e.locator for e in evidence if isinstance(e, StatusEvidence)] == [f"http://127.0.0.1:{port}/x.c2pa"]


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
