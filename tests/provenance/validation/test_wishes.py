"""Wishes for mining and training: read as they are written, never guessed, and never a reason for a verdict."""

from __future__ import annotations

import io
import json
from itertools import product

import c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import DeclarationEvidence, Forgeability, Layer, Outcome, Permission, StatusEvidence, UsageWish, Use
from provenance.status_codes import MANIFEST_ABSENT
from provenance.validation.wishes import manifest_wishes, plus_wishes, tdm_wishes
from provenance.verdict import VerdictPolicy

MINING = (Use.DATA_MINING, Use.AI_GENERATIVE_TRAINING, Use.AI_TRAINING)


def manifest(entries: object, label: str = "cawg.training-mining") -> dict[str, object]:
    return {"assertions": [{"label": label, "data": {"entries": entries}}]}


@pytest.mark.parametrize("namespace", ["cawg", "c2pa"])
@pytest.mark.parametrize("use", list(Use))
@pytest.mark.parametrize("permission", [Permission.ALLOWED, Permission.NOT_ALLOWED])
def test_each_entry_of_a_manifest_is_a_wish(namespace, use, permission):
    key = f"{namespace}.{use.value.partition('.')[2]}"
    found = manifest_wishes(manifest({key: {"use": permission.value}}, f"{namespace}.training-mining"))
    assert found == (UsageWish(use, permission),)


@pytest.mark.parametrize("key", ["constraint_info", "constraints_info"])
def test_a_constraint_comes_with_its_terms(key):
    entries = {"cawg.ai_training": {"use": "constrained", key: "https://example.org/terms"}}
    assert manifest_wishes(manifest(entries)) == (
        UsageWish(Use.AI_TRAINING, Permission.CONSTRAINED, "https://example.org/terms"),
    )


def test_terms_are_quoted():
    (wish,) = manifest_wishes(manifest({"cawg.ai_training": {"use": "constrained", "constraint_info": "\u202e" + "x" * 9999}}))
    assert len(wish.constraint) == 500
    assert wish.constraint.isprintable()


def test_the_same_wish_under_both_labels_is_said_once():
    both = [
        *manifest({"cawg.ai_training": {"use": "notAllowed"}})["assertions"],
        *manifest({"c2pa.ai_training": {"use": "notAllowed"}}, "c2pa.training-mining__1")["assertions"],
    ]
    assert manifest_wishes({"assertions": both}) == (UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),)


@pytest.mark.parametrize(
    "of_no_use",
    [
        {},
        {"assertions": None},
        {"assertions": [7, None, {"label": "cawg.training-mining"}, {"label": "cawg.training-mining", "data": []}]},
        manifest({"cawg.ai_training": {"use": "ootAllowed"}}),
        manifest({"cawg.ai_training": "notAllowed"}),
        manifest({"cawg.painting": {"use": "allowed"}, "acme.ai_training": {"use": "allowed"}}),
        manifest({"cawg.ai_training": {"use": "notAllowed"}}, "acme.training-mining"),
        manifest([["cawg.ai_training", "notAllowed"]]),
    ],
)
def test_what_is_not_understood_is_no_wish(of_no_use):
    assert manifest_wishes(of_no_use) == ()


@given(st.recursive(st.none() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.text(), c), max_leaves=9))
def test_any_entries_are_read(value):
    manifest_wishes(manifest(value))
    manifest_wishes({"assertions": value})
    manifest_wishes(manifest({"cawg.ai_training": value}))


def test_real_manifests(shared):
    def of(path: str) -> tuple[UsageWish, ...]:
        data = (shared / "c2pa" / path).read_bytes()
        with c2pa.Reader(path.rsplit(".", 1)[-1], io.BytesIO(data)) as reader:
            store = json.loads(reader.json())
        return manifest_wishes(store["manifests"][store["active_manifest"]])

    assert of("c2pa-rs/C_with_CAWG_data.jpg") == (
        UsageWish(Use.AI_INFERENCE, Permission.NOT_ALLOWED),
        UsageWish(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED),
    )
    assert len(of("c2pa-ts/trustnxt-icon-signed-v2-bmff.heic")) == 4
    assert of("lab-attacks/tamper_training_optout.png") == (UsageWish(Use.AI_INFERENCE, Permission.ALLOWED),)


@pytest.mark.parametrize(
    ("code", "uses", "permission", "constraint"),
    [
        ("DMI-ALLOWED", MINING, Permission.ALLOWED, ""),
        ("DMI-PROHIBITED", MINING, Permission.NOT_ALLOWED, ""),
        ("DMI-PROHIBITED-AIMLTRAINING", MINING[1:], Permission.NOT_ALLOWED, ""),
        ("DMI-PROHIBITED-GENAIMLTRAINING", MINING[1:2], Permission.NOT_ALLOWED, ""),
        ("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", MINING, Permission.CONSTRAINED, "for search engine indexing only"),
        ("DMI-PROHIBITED-SEECONSTRAINT", MINING, Permission.CONSTRAINED, "ask me"),
        ("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", MINING, Permission.CONSTRAINED, "see Iptc4xmpExt:EmbdEncRightsExpr"),
        ("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", MINING, Permission.CONSTRAINED, "see Iptc4xmpExt:LinkedEncRightsExpr"),
        ("DMI-UNSPECIFIED", (), Permission.ALLOWED, ""),
        ("DMI-SOMETHING-NEW", (), Permission.ALLOWED, ""),
        ("", (), Permission.ALLOWED, ""),
    ],
)
@pytest.mark.parametrize("prefix", ["", "http://ns.useplus.org/ldf/vocab/"])
def test_each_code_of_plus(prefix, code, uses, permission, constraint):
    expected = tuple(UsageWish(use, permission, constraint) for use in uses)
    assert plus_wishes(prefix + code, "ask me") == expected
    assert plus_wishes(f" {prefix}{code.lower()} ", "ask me") == expected


def test_a_constraint_that_is_not_there_is_pointed_to():
    assert plus_wishes("DMI-PROHIBITED-SEECONSTRAINT")[0].constraint == "see plus:OtherConstraints"


@pytest.mark.parametrize(
    ("reservation", "policy", "expected"),
    [
        ("1", "", (UsageWish(Use.DATA_MINING, Permission.NOT_ALLOWED),)),
        ("1", "https://a.example/p", (UsageWish(Use.DATA_MINING, Permission.CONSTRAINED, "https://a.example/p"),)),
        ("0", "https://a.example/p", (UsageWish(Use.DATA_MINING, Permission.ALLOWED),)),
        (" 1 ", "", (UsageWish(Use.DATA_MINING, Permission.NOT_ALLOWED),)),
        ("", "", ()),
        ("2", "", ()),
        ("yes", "", ()),
        ("1, 1", "", ()),
    ],
)
def test_a_tdm_reservation(reservation, policy, expected):
    assert tdm_wishes(reservation, policy) == expected


def test_a_wish_never_changes_a_verdict():
    wish = (UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),)
    of_wishes = [
        DeclarationEvidence(examiner, Layer.METADATA, forgeability, wishes=wish, locator="x")
        for examiner, forgeability in product(("marks", "tdmrep"), Forgeability)
    ]
    absent = StatusEvidence("c2pa", MANIFEST_ABSENT, Outcome.INFORMATIONAL)
    synthetic = DeclarationEvidence(
        "marks", Layer.METADATA, Forgeability.TEXT, digital_source_type=str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
    )
    for others in ([absent], [absent, synthetic]):
        assert VerdictPolicy().decide([*others, *of_wishes]) == VerdictPolicy().decide(others)
