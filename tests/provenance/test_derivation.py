"""Derivatives keep the provenance of what they are made of, and nothing altered gets a new signature."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import c2pa
import encypher_c2pa
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from provenance.asset import Asset
from provenance.conformance.requirements import Standing
from provenance.conformance.rubric import evaluate
from provenance.derivation import MAX_EDGE, THUMBNAIL, Derivation, Deriver
from provenance.digital_source_type import Extent
from provenance.errors import (
    AssetAnimated,
    AssetUnreadable,
    AssetUnsupported,
    CredentialExpired,
    DerivationInvalid,
    PixelsTooMany,
    RecordInvalid,
)
from provenance.evidence import Evidence, Relationship, declarations, failure_codes
from provenance.metadata.encoding import ENCODABLE_MEDIA_TYPES
from provenance.metadata.marks import MarksExaminer
from provenance.pixels import decode
from provenance.reader import C2paExaminer
from provenance.rendition import Size
from provenance.stamp import Stamper
from provenance.verdict import Conclusion, ExitCode, ProvenanceState, Verdict, VerdictPolicy
from tests.assets import attacks, pictures
from tests.assets.attacks import RECORD
from tests.assets.chains import NOW, chain, sound_chain
from tests.assets.pictures import encoded, picture, saved
from tests.assets.sounds_and_films import encoded_timed

STAMPER = Stamper(sound_chain().signer)
DERIVER = Deriver(STAMPER)
HALF = Derivation(width=32)


def evidence_on(asset: Asset) -> list[Evidence]:
    return [*C2paExaminer(sound_chain().trust()).examine(asset), *MarksExaminer().examine(asset)]


def verdict_on(asset: Asset) -> Verdict:
    return VerdictPolicy().decide(evidence_on(asset))


def stored(asset: Asset) -> dict[str, Any]:
    return dict(json.loads(c2pa.Reader(asset.media_type, io.BytesIO(asset.data)).json()))


def active(asset: Asset) -> dict[str, Any]:
    store = stored(asset)
    return dict(store["manifests"][store["active_manifest"]])


def actions_of(asset: Asset) -> list[dict[str, Any]]:
    (data,) = [a["data"] for a in active(asset)["assertions"] if a["label"] == "c2pa.actions.v2"]
    assert data["allActionsIncluded"] is True
    return list(data["actions"])


def marked_png(**texts: str) -> Asset:
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    return Asset.from_bytes(saved(Image.fromarray(picture()), "PNG", pnginfo=chunks))


@pytest.mark.parametrize("media_type", ENCODABLE_MEDIA_TYPES)
def test_derivative_of_a_generated_image_reads_declared_synthetic(media_type: str) -> None:
    source = STAMPER.stamp(picture(), RECORD)
    derived = DERIVER.derive(source, dataclasses.replace(HALF, media_type=media_type))
    verdict = verdict_on(derived)
    assert (derived.media_type, verdict.conclusion) == (media_type, Conclusion.DECLARED_SYNTHETIC)
    assert (verdict.state, verdict.extent) == (ProvenanceState.TRUSTED, Extent.FULL)


def test_the_manifest_says_what_was_done_and_nothing_of_origin() -> None:
    source = STAMPER.stamp(picture(), RECORD)
    derived = DERIVER.derive(source, dataclasses.replace(HALF, media_type="image/webp"))
    opened, resized, transcoded = actions_of(derived)
    assert [a["action"] for a in (opened, resized, transcoded)] == [
        "c2pa.opened",
        "c2pa.resized.proportional",
        "c2pa.transcoded",
    ]
    assert not any("digitalSourceType" in action for action in (opened, resized, transcoded))
    assert resized["description"] == "64 x 48 to 32 x 24 pixels"
    assert transcoded["description"] == "image/png to image/webp"
    assert opened["parameters"] == transcoded["parameters"]
    assert len(opened["parameters"]["ingredients"]) == 1
    own = [d for d in declarations(evidence_on(derived)) if d.examiner == "c2pa" and d.relationship is Relationship.ASSET]
    assert [d.digital_source_type for d in own] == [None]


def test_the_manifest_of_the_source_is_kept_as_the_parents() -> None:
    source = STAMPER.stamp(picture(), RECORD)
    derived = DERIVER.derive(source, THUMBNAIL)
    (ingredient,) = active(derived)["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    assert ingredient["active_manifest"] == stored(source)["active_manifest"]
    assert stored(source)["active_manifest"] in stored(derived)["manifests"]


def test_a_derivative_of_a_derivative_keeps_the_whole_chain() -> None:
    once = DERIVER.derive(STAMPER.stamp(picture(), RECORD), HALF)
    twice = DERIVER.derive(once, Derivation(width=16))
    assert len(stored(twice)["manifests"]) == 3
    assert verdict_on(twice).conclusion is Conclusion.DECLARED_SYNTHETIC


def test_a_source_without_manifest_is_a_parent_without_one() -> None:
    derived = DERIVER.derive(encoded("image/jpeg"), HALF)
    (ingredient,) = active(derived)["ingredients"]
    assert (ingredient["relationship"], ingredient.get("active_manifest")) == ("parentOf", None)
    assert verdict_on(derived).state is ProvenanceState.TRUSTED


def test_nothing_is_said_of_a_size_that_stays() -> None:
    actions = [action["action"] for action in actions_of(DERIVER.derive(encoded(), Derivation(width=500)))]
    assert actions == ["c2pa.opened", "c2pa.transcoded"]


def test_an_unknown_signers_manifest_is_kept_as_well() -> None:
    source = attacks.signed(chain=chain(name="somebody else"))
    verdict = verdict_on(DERIVER.derive(source, HALF))
    assert (verdict.conclusion, verdict.state) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED)


@pytest.mark.parametrize("lie", ["pixel_flipped", "assertion", "claim", "parent"])
def test_an_altered_source_is_not_laundered(lie: str) -> None:
    sound = attacks.signed().data
    altered = {
        "pixel_flipped": lambda: attacks.pixel_flipped(sound),
        "assertion": lambda: attacks.store_flipped(sound, b"trainedAlgorithmicMedia"),
        "claim": lambda: attacks.store_flipped(sound, b"Assay tests"),
        "parent": lambda: attacks.signed(parents=(Asset.from_bytes(attacks.pixel_flipped(sound)),)).data,
    }[lie]()
    with pytest.raises(RecordInvalid, match="altered after it was signed"):
        DERIVER.derive(Asset.from_bytes(altered), HALF)


@pytest.mark.parametrize("name", ["c2pa-rs/prerelease.jpg", "c2pa-rs-cawg-identity/malformed_cbor.jpg"])
def test_a_malformed_manifest_is_not_dropped_in_silence(name: str, shared) -> None:
    source = Asset.from_bytes((shared / "c2pa" / name).read_bytes())
    with pytest.raises(RecordInvalid, match="malformed"):
        DERIVER.derive(source, HALF)


def test_a_credential_that_is_no_longer_good_is_no_reason_to_strip(shared) -> None:
    source = Asset.from_bytes((shared / "c2pa" / "public-testfiles" / "nikon-20221019-building.jpeg").read_bytes())
    derived = DERIVER.derive(source, HALF)
    assert stored(source)["active_manifest"] in stored(derived)["manifests"]


def test_a_manifest_elsewhere_is_not_dropped_in_silence(shared) -> None:
    source = Asset.from_bytes((shared / "c2pa" / "c2pa-rs" / "cloud.jpg").read_bytes())
    with pytest.raises(RecordInvalid, match="elsewhere"):
        DERIVER.derive(source, HALF)


@pytest.mark.parametrize("media_type", ENCODABLE_MEDIA_TYPES)
def test_a_mark_is_not_laundered_by_a_trusted_signature(media_type: str) -> None:
    source = marked_png(parameters="a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1")
    derived = DERIVER.derive(source, dataclasses.replace(HALF, media_type=media_type))
    marks = declarations(MarksExaminer().examine(derived))
    assert any(mark.digital_source_type and "rained" in mark.digital_source_type for mark in marks)
    assert verdict_on(derived).exit_code is ExitCode.FINDING


def test_changing_the_derivative_breaks_its_binding() -> None:
    derived = DERIVER.derive(STAMPER.stamp(picture(), RECORD), HALF)
    altered = Asset.from_bytes(attacks.pixel_flipped(derived.data))
    assert "assertion.dataHash.mismatch" in failure_codes(evidence_on(altered))
    assert verdict_on(altered).conclusion is Conclusion.ALTERED


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_an_independent_verifier_finds_the_derivative_intact(media_type: str) -> None:
    source = STAMPER.stamp(picture(), RECORD)
    derived = DERIVER.derive(source, dataclasses.replace(HALF, media_type=media_type))
    sound, altered = (
        encypher_c2pa.verify(
            data, media_type, trust_pem=sound_chain().root_pem.decode(), no_default_trust=True, telemetry=False, online=False
        )
        for data in (derived.data, derived.data + b"hello")
    )
    assert (sound["integrity"], sound["signature"], sound["hard_binding"]) == ("valid", "valid", "match")
    assert (sound["validation_state"], sound["trust"]["status"]) == ("Trusted", "valid_for_supplied_material")
    assert altered["validation_state"] == "Invalid"


@pytest.mark.parametrize("source", ["stamped", "unsigned", "derived"])
def test_no_requirement_of_the_conformance_rubric_is_missed(source: str) -> None:
    made = {
        "stamped": lambda: STAMPER.stamp(picture(), RECORD),
        "unsigned": lambda: encoded("image/jpeg"),
        "derived": lambda: DERIVER.derive(STAMPER.stamp(picture(), RECORD), Derivation(width=50)),
    }[source]()
    document = C2paExaminer(sound_chain().trust()).crjson(DERIVER.derive(made, HALF))
    assert document is not None
    results = evaluate(document)
    assert [(result.id, result.found) for result in results if result.standing is Standing.FAILED] == []
    assert len([result for result in results if result.standing is Standing.PASSED]) > 15


@pytest.mark.parametrize(
    ("asked", "source", "expected"),
    [
        (Derivation(width=50), Size(100, 60), Size(50, 30)),
        (Derivation(height=30), Size(100, 60), Size(50, 30)),
        (Derivation(width=50, height=50), Size(100, 60), Size(50, 30)),
        (Derivation(width=50, height=50), Size(60, 100), Size(30, 50)),
        (Derivation(width=200), Size(100, 60), Size(100, 60)),
        (Derivation(width=200, enlarge=True), Size(100, 60), Size(200, 120)),
        (Derivation(width=200, height=60, enlarge=True), Size(100, 60), Size(100, 60)),
        (Derivation(width=10), Size(5000, 3), Size(10, 1)),
        (Derivation(), Size(7, 9), Size(7, 9)),
    ],
)
def test_sizes(asked: Derivation, source: Size, expected: Size) -> None:
    assert asked.size_for(source) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"height": -1},
        {"width": MAX_EDGE + 1},
        {"enlarge": True},
        {"quality": 0},
        {"quality": 101},
        {"media_type": "image/gif"},
        {"media_type": "video/mp4"},
    ],
)
def test_what_is_not_made_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DerivationInvalid) as caught:
        Derivation(**wrong)
    assert caught.value.code == "derivation.invalid"


def test_enlarging_has_limits() -> None:
    with pytest.raises(DerivationInvalid):
        Derivation(width=2, enlarge=True).size_for(Size(1, MAX_EDGE))
    small = Deriver(STAMPER, max_pixels=64 * 48)
    with pytest.raises(DerivationInvalid):
        small.derive(encoded(), Derivation(width=65, enlarge=True))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (attacks.signed().data[:2000], AssetUnreadable),
        (encoded("image/jpeg").data[:-400], AssetUnreadable),
        (pictures.animated("GIF"), AssetAnimated),
        (pictures.png_announcing(100_000, 100_000), PixelsTooMany),
        (encoded_timed("audio/wav").data, AssetUnsupported),
        (encoded_timed("video/mp4").data, AssetUnsupported),
    ],
    ids=["truncated PNG", "truncated JPEG", "animated", "bomb", "sound", "film"],
)
def test_what_is_no_whole_still_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        DERIVER.derive(Asset.from_bytes(data), HALF)


def test_quality_is_taken() -> None:
    sizes = [len(DERIVER.derive(encoded("image/jpeg"), Derivation(quality=quality)).data) for quality in (10, 95)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(("read", "written"), [("image/gif", "image/png"), ("image/webp", "image/webp")])
def test_the_format_stays_where_it_can_be_written(read: str, written: str) -> None:
    assert DERIVER.derive(encoded(read), HALF).media_type == written


def test_a_lossless_derivative_of_the_same_size_keeps_the_pixels() -> None:
    assert np.array_equal(decode(DERIVER.derive(encoded(), Derivation())), picture())


def test_an_expired_credential_signs_nothing() -> None:
    ends = sound_chain().leaf.not_valid_after_utc
    times = iter([NOW, ends + timedelta(days=1), ends + timedelta(days=1)])
    deriver = Deriver(Stamper(sound_chain().signer, clock=lambda: next(times)))
    with pytest.raises(CredentialExpired):
        deriver.derive(encoded(), HALF)


def test_the_time_is_the_clocks() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    derived = Deriver(STAMPER, clock=lambda: at).derive(encoded(), HALF)
    assert {action["when"] for action in actions_of(derived)} == {"2026-01-02T03:04:05Z"}
