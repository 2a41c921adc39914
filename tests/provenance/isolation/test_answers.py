"""What a parser that was taken over might answer: each answer is wrong in one way."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.errors import AssetAnimated, ExaminerCrashed, ExaminerError
from provenance.evidence import Outcome, ScoreEvidence, StatusEvidence
from provenance.isolation.answers import read_answer
from provenance.isolation.frames import Frame
from provenance.isolation.wire import to_plain

STATUS = StatusEvidence("c2pa", "manifest.absent", Outcome.INFORMATIONAL)
FOUND = {"c2pa": {"evidence": [["status", to_plain(STATUS)]]}}


def read(document, blob=b"", *, examiners=("c2pa",), max_pixels=100, pixels="send"):
    return read_answer(Frame(document, bytearray(blob)), examiners, max_pixels=max_pixels, pixels=pixels)


def test_a_sound_answer():
    look = read({"found": FOUND, "pixels": {"height": 2, "width": 1}}, bytes(range(6)))
    assert look.evidence("c2pa") == (STATUS,)
    assert look.pixels().tolist() == [[[0, 1, 2]], [[3, 4, 5]]]
    assert not look.pixels().flags.writeable


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"marks": FOUND["c2pa"]},
        {**FOUND, "marks": FOUND["c2pa"]},
        {"c2pa": {}},
        {"c2pa": None},
        {"c2pa": {"evidence": None}},
        {"c2pa": {"evidence": [["status"]]}},
        {"c2pa": {"evidence": [["score", to_plain(STATUS)]]}},
        {"c2pa": {"evidence": [["declaration", to_plain(STATUS)]]}},
        {"c2pa": {"evidence": [["status", {**to_plain(STATUS), "examiner": "detector:clip@1"}]]}},
        {"c2pa": {"evidence": [["status", to_plain(STATUS)]] * 5001}},
        {"c2pa": {"error": {"code": "asset.unreadable"}}},
        [],
        None,
    ],
    ids=lambda found: repr(found)[:60],
)
def test_evidence_of_another_form_or_name_is_no_answer(found):
    with pytest.raises(ExaminerCrashed, match="no sound form"):
        read({"found": found}, pixels="none")


def test_a_score_is_not_for_a_parser_to_give():
    assert "llr" in ScoreEvidence.__slots__
    with pytest.raises(ExaminerCrashed):
        read({"found": {"c2pa": {"evidence": [["ScoreEvidence", {"llr": 9.0}]]}}}, pixels="none")


@pytest.mark.parametrize(
    ("shape", "blob"),
    [
        ({"height": 2, "width": 2}, 11),
        ({"height": 2, "width": 2}, 13),
        ({"height": 0, "width": 2}, 0),
        ({"height": -2, "width": -2}, 12),
        ({"height": 2.0, "width": 2}, 12),
        ({"height": True, "width": 2}, 6),
        ({"height": 11, "width": 10}, 330),
        ({"height": 2}, 12),
        (None, 12),
    ],
    ids=str,
)
def test_pixels_of_another_size_are_no_answer(shape, blob):
    with pytest.raises(ExaminerCrashed, match="no sound form"):
        read({"found": FOUND, "pixels": shape}, bytes(blob))


def test_errors_of_an_asset_arrive_as_they_were():
    with pytest.raises(AssetAnimated, match="3 frames"):
        read({"refused": {"code": "asset.animated", "message": "3 frames"}})


def test_errors_of_nothing_a_parser_knows_become_plain_ones():
    for code in ("signing.credential_invalid", "isolation.unavailable", "no.such"):
        with pytest.raises(ExaminerError, match="x\N{REPLACEMENT CHARACTER}y") as caught:
            read({"refused": {"code": code, "message": "x\u202ey"}})
        assert caught.value.code == "examiner.failed"


def test_a_defect_is_logged_as_a_literal_and_named(caplog):
    look = read({"found": {"c2pa": {"defect": {"type": "KeyError", "trace": "line\nforged log line"}}}}, pixels="none")
    with pytest.raises(ExaminerError, match="KeyError: not foreseen"):
        look.evidence("c2pa")
    assert caplog.messages == [r"c2pa failed in a parser: 'line\nforged log line'"]


def test_pixels_nobody_asked_for_are_not_there():
    with pytest.raises(ValueError, match="nobody asked"):
        read({"found": FOUND, "pixels": {"height": 1, "width": 1}}, np.zeros(3, np.uint8).tobytes(), pixels="none").pixels()
