"""Wishes of rights holders in metadata: read as declarations, and as no marks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.evidence import (
    DeclarationEvidence,
    Forgeability,
    Layer,
    Outcome,
    Permission,
    StatusEvidence,
    UsageWish,
    Use,
    declarations,
)
from provenance.metadata import declaration
from provenance.metadata.marks import MarksExaminer
from provenance.status_codes import MARKS_ABSENT
from tests.provenance.metadata.marked import xmp_with


@pytest.mark.parametrize(
    ("attributes", "elements", "locator", "wishes"),
    [
        (
            'x1:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-GENAIMLTRAINING"',
            "",
            "XMP:plus:DataMining",
            (UsageWish(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED),),
        ),
        (
            "",
            "<x1:DataMining>DMI-PROHIBITED-SEECONSTRAINT</x1:DataMining><x1:OtherConstraints><rdf:Alt>"
            '<rdf:li xml:lang="x-default">ask\u202e me</rdf:li></rdf:Alt></x1:OtherConstraints>',
            "XMP:plus:DataMining",
            tuple(
                UsageWish(use, Permission.CONSTRAINED, "ask\ufffd me")
                for use in (Use.DATA_MINING, Use.AI_GENERATIVE_TRAINING, Use.AI_TRAINING)
            ),
        ),
        (
            'x2:reservation="1" x2:policy="https://a.example/policy"',
            "",
            "XMP:tdm:reservation",
            (UsageWish(Use.DATA_MINING, Permission.CONSTRAINED, "https://a.example/policy"),),
        ),
    ],
)
def test_a_wish_in_xmp_is_declared_and_is_no_mark(attributes, elements, locator, wishes):
    spaces = 'xmlns:x1="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:x2="http://www.w3.org/ns/tdmrep/"'
    assert MarksExaminer().examine(xmp_with(attributes, elements, spaces)) == [
        StatusEvidence("marks", MARKS_ABSENT, Outcome.INFORMATIONAL),
        DeclarationEvidence("marks", Layer.METADATA, Forgeability.TEXT, wishes=wishes, locator=locator),
    ]


@pytest.mark.parametrize("media_type", declaration.MEDIA_TYPES)
@pytest.mark.parametrize(
    ("wished", "read"),
    [
        (
            UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),
            (
                UsageWish(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED),
                UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),
            ),
        ),
        (
            UsageWish(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED),
            (UsageWish(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED),),
        ),
    ],
)
def test_a_wish_we_write_is_read_back(media_type, wished, read, pixels, record):
    wishing = replace(record, wishes=(wished,))
    asset = declaration.encode(pixels, wishing, media_type=media_type, instance_id="xmp:iid:1", software="assay 0.1.0")
    declared = declarations(MarksExaminer().examine(asset))
    assert [d.wishes for d in declared if d.wishes] == [read]
