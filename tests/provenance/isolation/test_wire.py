from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.evidence import (
    DeclarationEvidence,
    Forgeability,
    Layer,
    Outcome,
    Permission,
    Relationship,
    StatusEvidence,
    Tier,
    UsageWish,
    Use,
)
from provenance.isolation.setup import EXAMINERS, Setup
from provenance.isolation.wire import from_plain, to_plain
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from tests.assets.chains import chain

STATUS = StatusEvidence("c2pa", "claimSignature.validated", Outcome.SUCCESS, "self#jumbf=x", "fine")
texts = st.text(st.characters(exclude_categories=()), max_size=30)


@given(
    st.builds(
        DeclarationEvidence,
        examiner=texts,
        layer=st.sampled_from(Layer),
        forgeability=st.sampled_from(Forgeability),
        digital_source_type=st.none() | texts,
        generator=st.none() | texts,
        signer=st.none() | texts,
        signed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        actions=st.lists(texts, max_size=3).map(tuple),
        relationship=st.sampled_from(Relationship),
        wishes=st.lists(
            st.builds(UsageWish, use=st.sampled_from(Use), permission=st.sampled_from(Permission), constraint=texts), max_size=2
        ).map(tuple),
        locator=texts,
    )
)
def test_a_declaration_arrives_as_it_left(declaration):
    text = json.dumps(to_plain(declaration))
    assert from_plain(DeclarationEvidence, json.loads(text)) == declaration


def test_trust_lists_arrive_as_they_left():
    pem = chain().signer.credential.pem
    setup = Setup(EXAMINERS, TrustStore((TrustList("a", TrustPurpose.SIGNERS, Tier.LEGACY, pem, pem),)))
    assert from_plain(Setup, json.loads(json.dumps(to_plain(setup)))) == setup


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "perfect"},
        {"outcome": None},
        {"code": 7},
        {"code": None},
        {"locator": ["x"]},
        {"another": "field"},
    ],
    ids=str,
)
def test_another_form_is_refused(change):
    with pytest.raises(ValueError, match=r"."):
        from_plain(StatusEvidence, {**to_plain(STATUS), **change})


def test_a_missing_field_is_refused():
    values = to_plain(STATUS)
    del values["explanation"]
    with pytest.raises(ValueError, match="not the fields of StatusEvidence"):
        from_plain(StatusEvidence, values)


@pytest.mark.parametrize(("kind", "plain"), [(bool, 1), (int, True), (int, 1.5), (float, "1"), (bytes, "€"), (datetime, "now")])
def test_types_are_not_guessed(kind, plain):
    with pytest.raises(ValueError, match=r"."):
        from_plain(kind, plain)


def test_a_date_is_no_datetime():
    assert from_plain(date, to_plain(date(2026, 1, 2))) == date(2026, 1, 2)


def test_what_has_no_form_does_not_leave():
    with pytest.raises(TypeError, match="object does not travel"):
        to_plain(object())
