"""The report as JSON: its shape, its published schema, and what it says of each kind of evidence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import ValidationError

from api.report_document import (
    BasisPart,
    DeclarationPart,
    OperatingPointPart,
    ReportDocument,
    ScorePart,
    StatusPart,
    TilePart,
    report_schema,
)
from provenance.basis import BasisItem
from provenance.evidence import DeclarationEvidence, OperatingPoint, ScoreEvidence, StatusEvidence, TileScore
from tests.api.reports import (
    ABSENT,
    ABSTAINED,
    BOUND,
    CAPTURE,
    DEVELOPMENT_TIER,
    MISMATCH,
    SYNTHETIC,
    TRUSTED,
    TRUSTED_SYNTHETIC,
    UNAVAILABLE,
    VALIDATED,
    declares,
    measures,
    report_of,
)
from tests.assets.pictures import encoded

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "report.schema.json"
EXAMPLES = {
    "absent": (ABSENT,),
    "trusted synthetic": (*TRUSTED_SYNTHETIC, measures(4.0)),
    "trusted capture with a loud detector": (TRUSTED, VALIDATED, BOUND, declares(CAPTURE), measures(4.0)),
    "altered": (VALIDATED, MISMATCH, declares(SYNTHETIC, signed_at=None)),
    "abstained": (ABSENT, ABSTAINED),
    "unavailable": (ABSENT, UNAVAILABLE),
    "nobody could look": (UNAVAILABLE,),
}


def document_of(*evidence: object) -> dict[str, object]:
    return ReportDocument.from_report(report_of(*evidence)).as_dict()  # type: ignore[arg-type]


def test_published_schema_is_the_models_own() -> None:
    assert json.loads(PUBLISHED.read_text()) == report_schema(), "run: python -m api.report_document > docs/report.schema.json"


@pytest.mark.parametrize("evidence", EXAMPLES.values(), ids=EXAMPLES)
def test_document_is_valid_under_the_published_schema(evidence) -> None:
    validator = jsonschema_rs.Draft202012Validator(json.loads(PUBLISHED.read_text()))
    validator.validate(document_of(*evidence))


@pytest.mark.parametrize("member", ["asset", "verdict", "evidence", "provenance", "detection", "inspected_at", "schema"])
def test_schema_refuses_a_document_without(member: str) -> None:
    document = document_of(ABSENT)
    del document[member]
    assert not jsonschema_rs.Draft202012Validator(report_schema()).is_valid(document)


def test_schema_refuses_a_member_it_does_not_know() -> None:
    assert not jsonschema_rs.Draft202012Validator(report_schema()).is_valid({**document_of(ABSENT), "real": True})


@pytest.mark.parametrize("evidence", EXAMPLES.values(), ids=EXAMPLES)
def test_json_reads_back_as_the_same_document(evidence) -> None:
    document = ReportDocument.from_report(report_of(*evidence), path="a.png")
    assert ReportDocument.model_validate_json(document.to_json()) == document


def test_shape_of_a_quiet_report_exactly() -> None:
    assert document_of(ABSENT) == {
        "schema": "assay.report/1",
        "inspected_at": "2026-11-22T04:00:00Z",
        "asset": {"sha256": encoded().sha256, "media_type": "image/png", "bytes": len(encoded().data)},
        "verdict": {"conclusion": "inconclusive", "extent": None, "basis": [], "reasons": [], "dissent": []},
        "provenance": {"state": "absent", "tier": None},
        "detection": dict.fromkeys(
            ["examiner", "llr", "p_synthetic", "prior", "operating_point", "flagged", "abstained", "reason"]
        ),
        "evidence": [
            {
                "kind": "status",
                "examiner": "c2pa",
                "code": "manifest.absent",
                "outcome": "informational",
                "locator": "",
                "explanation": "",
            }
        ],
        "policy": "2",
        "examiners": ["fixed"],
        "versions": {"assay": "0.1.0"},
    }


def test_reasons_and_dissent_are_indices_into_evidence() -> None:
    document = document_of(ABSENT, TRUSTED, VALIDATED, BOUND, declares(CAPTURE), measures(4.0))
    verdict = document["verdict"]
    assert verdict["conclusion"] == "trusted_origin"
    assert set(verdict["reasons"]) == {1, 2, 3, 4}
    assert verdict["dissent"] == [5]
    assert document["evidence"][5]["kind"] == "score"


def test_detection_repeats_the_score() -> None:
    assert document_of(ABSENT, measures(4.0))["detection"] == {
        "examiner": "detector:fixed@1",
        "llr": 4.0,
        "p_synthetic": 0.25,
        "prior": 0.01,
        "operating_point": {
            "name": "fpr-1%",
            "threshold_llr": 2.0,
            "target_fpr": 0.01,
            "fpr_interval": [0.005, 0.018],
            "n_real": 1000,
        },
        "flagged": True,
        "abstained": False,
        "reason": None,
    }


def test_a_flagged_score_is_shown_before_a_quiet_one() -> None:
    detection = document_of(ABSENT, measures(-3.0, examiner="detector:a@1"), measures(4.0, examiner="detector:b@1"))[
        "detection"
    ]
    assert (detection["examiner"], detection["llr"]) == ("detector:b@1", 4.0)


@pytest.mark.parametrize(
    ("status", "abstained", "reason"),
    [(ABSTAINED, True, "too_small: 20 x 20 pixels"), (UNAVAILABLE, False, "detector.failed: no weights")],
    ids=["abstained", "unavailable"],
)
def test_a_detector_without_a_score_says_why(status: StatusEvidence, abstained: bool, reason: str) -> None:
    detection = document_of(ABSENT, status)["detection"]
    assert (detection["llr"], detection["flagged"], detection["abstained"]) == (None, None, abstained)
    assert detection["reason"] == reason


def test_an_unavailable_manifest_reader_is_not_the_detector() -> None:
    status = StatusEvidence("c2pa", UNAVAILABLE.code, UNAVAILABLE.outcome, explanation="examiner.failed: x")
    assert document_of(status)["detection"]["reason"] is None


def test_development_is_said_in_tier_and_basis() -> None:
    document = document_of(DEVELOPMENT_TIER, *TRUSTED_SYNTHETIC)
    assert document["provenance"] == {"state": "trusted", "tier": "development"}
    assert "development" in document["verdict"]["basis"][0]["statement"]


def test_a_path_is_there_only_if_there_is_one() -> None:
    assert "path" not in document_of(ABSENT)
    assert ReportDocument.from_report(report_of(ABSENT), path="a.png").as_dict()["path"] == "a.png"


def test_a_file_name_that_is_no_utf8_still_makes_json() -> None:
    document = ReportDocument.from_report(report_of(ABSENT), path="caf\udce9.png")
    assert document.to_json().encode("utf-8")
    assert document.path == "caf?.png"


@pytest.mark.parametrize("llr", [float("nan"), float("inf")])
def test_a_score_that_json_cannot_say_is_refused(llr: float) -> None:
    with pytest.raises(ValidationError):
        document_of(ABSENT, measures(llr))


def test_documents_do_not_change() -> None:
    document = ReportDocument.from_report(report_of(ABSENT))
    with pytest.raises(ValidationError):
        document.policy = "2"


@pytest.mark.parametrize(
    ("evidence", "part", "derived"),
    [
        (StatusEvidence, StatusPart, {"kind"}),
        (DeclarationEvidence, DeclarationPart, {"kind"}),
        (ScoreEvidence, ScorePart, {"kind", "flagged"}),
        (OperatingPoint, OperatingPointPart, set()),
        (TileScore, TilePart, set()),
        (BasisItem, BasisPart, set()),
    ],
)
def test_no_field_of_the_evidence_is_left_out(evidence: type, part: type, derived: set[str]) -> None:
    assert {field.name for field in dataclasses.fields(evidence)} == set(part.model_fields) - derived
