"""Sounds and films are stamped, checked and found altered or stripped like pictures, but for their pixels."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import encypher_c2pa
import pytest

from provenance.asset import TIMED_MEDIA_TYPES, Asset
from provenance.conformance.requirements import Standing
from provenance.conformance.rubric import evaluate
from provenance.digital_source_type import Extent
from provenance.errors import AssetUnreadable, AssetUnsupported, RecordInvalid
from provenance.evidence import Evidence, Outcome, StatusEvidence, declarations, failure_codes
from provenance.generation import GenerationMode, GenerationRecord
from provenance.inspection import inspect
from provenance.metadata import container
from provenance.metadata.containers import riff
from provenance.metadata.containers.bmff_boxes import boxes
from provenance.metadata.marks import MarksExaminer
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.verdict import Conclusion, ExitCode, ProvenanceState, Verdict, VerdictPolicy
from tests.assets import sounds_and_films as made
from tests.assets.attacks import RECORD, flipped
from tests.assets.chains import NOW, sound_chain
from tests.assets.pictures import picture
from tests.assets.sounds_and_films import encoded_timed

STAMPER = Stamper(sound_chain().signer)
TIMED = sorted(TIMED_MEDIA_TYPES)
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def record_for(media_type: str, **changes: Any) -> GenerationRecord:
    mode = GenerationMode.TEXT_TO_AUDIO if media_type.startswith("audio/") else GenerationMode.TEXT_TO_VIDEO
    return dataclasses.replace(RECORD, mode=mode, **changes)


def stamped(media_type: str) -> Asset:
    return STAMPER.stamp_asset(encoded_timed(media_type), record_for(media_type))


def evidence_on(asset: Asset) -> list[Evidence]:
    return [*C2paExaminer(sound_chain().trust()).examine(asset), *MarksExaminer().examine(asset)]


def verdict_on(asset: Asset) -> Verdict:
    return VerdictPolicy().decide(evidence_on(asset))


def content_of(asset: Asset) -> bytes:
    """What plays: samples and frames, without metadata."""
    if asset.media_type == "audio/wav":
        return dict(riff.chunks(asset.data, b"WAVE"))[b"data"]
    if asset.media_type == "audio/mpeg":
        return asset.data[-len(made.mp3()) :]
    return b"".join(asset.data[at : at + 64] for at in made.chunk_offsets(asset.data))


@pytest.mark.parametrize("media_type", TIMED)
def test_a_stamped_one_reads_declared_synthetic_in_both_layers(media_type: str) -> None:
    asset = stamped(media_type)
    verdict = verdict_on(asset)
    assert asset.media_type == media_type
    assert (verdict.conclusion, verdict.state, verdict.extent) == (
        Conclusion.DECLARED_SYNTHETIC,
        ProvenanceState.TRUSTED,
        Extent.FULL,
    )
    assert {d.examiner for d in declarations(evidence_on(asset)) if d.digital_source_type} == {"c2pa", "marks"}


@pytest.mark.parametrize("media_type", TIMED)
def test_no_requirement_of_the_conformance_rubric_is_missed(media_type: str) -> None:
    document = C2paExaminer(sound_chain().trust()).crjson(stamped(media_type))
    assert document is not None
    assert [result.id for result in evaluate(document) if result.standing is Standing.FAILED] == []


@pytest.mark.parametrize("media_type", TIMED)
def test_an_independent_verifier_finds_it_intact(media_type: str) -> None:
    asset = stamped(media_type)
    at = asset.data.index(content_of(asset)[:48]) + 7
    sound, altered = (
        encypher_c2pa.verify(
            data, media_type, trust_pem=sound_chain().root_pem.decode(), no_default_trust=True, telemetry=False, online=False
        )
        for data in (asset.data, flipped(asset.data, at))
    )
    assert (sound["integrity"], sound["signature"], sound["hard_binding"]) == ("valid", "valid", "match")
    assert (sound["validation_state"], sound["trust"]["status"]) == ("Trusted", "valid_for_supplied_material")
    assert altered["validation_state"] == "Invalid"


@pytest.mark.parametrize("media_type", TIMED)
def test_what_plays_is_untouched(media_type: str) -> None:
    assert content_of(stamped(media_type)) == content_of(encoded_timed(media_type))


@pytest.mark.parametrize("media_type", TIMED)
def test_a_changed_byte_of_content_is_found(media_type: str) -> None:
    asset = stamped(media_type)
    at = asset.data.index(content_of(asset)[:48]) + 7
    altered = Asset.from_bytes(flipped(asset.data, at))
    assert any(code.endswith("Hash.mismatch") for code in failure_codes(evidence_on(altered)))
    assert verdict_on(altered).conclusion is Conclusion.ALTERED


@pytest.mark.parametrize("media_type", TIMED)
def test_a_changed_claim_is_found(media_type: str) -> None:
    asset = stamped(media_type)
    at = asset.data.index(b"trainedAlgorithmicMedia")
    assert verdict_on(Asset.from_bytes(flipped(asset.data, at))).conclusion is Conclusion.ALTERED


def _without_chunk(data: bytes) -> bytes:
    return riff.encode(b"WAVE", [chunk for chunk in riff.chunks(data, b"WAVE") if chunk.kind != b"C2PA"])


def _without_box(data: bytes) -> bytes:
    kept = [b for b in boxes(data, 0, len(data)) if data[b.body : b.body + 16] != C2PA_UUID]
    return b"".join(data[b.start : b.end] for b in kept)


def _without_tag(data: bytes) -> bytes:
    return data[-len(made.mp3()) :]


@pytest.mark.parametrize(
    ("media_type", "strip", "conclusion"),
    [
        ("audio/wav", _without_chunk, Conclusion.LIKELY_SYNTHETIC),  # the packet is still there
        ("video/mp4", _without_box, Conclusion.LIKELY_SYNTHETIC),
        ("audio/mp4", _without_box, Conclusion.LIKELY_SYNTHETIC),
        ("audio/mpeg", _without_tag, Conclusion.INCONCLUSIVE),  # manifest and packet live in one tag
    ],
)
def test_a_stripped_one_has_no_manifest(media_type: str, strip: Callable[[bytes], bytes], conclusion: Conclusion) -> None:
    bare = Asset.from_bytes(strip(stamped(media_type).data))
    verdict = verdict_on(bare)
    assert (verdict.state, verdict.conclusion) == (ProvenanceState.ABSENT, conclusion)


@pytest.mark.parametrize("media_type", TIMED)
def test_stamping_again_keeps_the_first_stamp_as_parent(media_type: str) -> None:
    twice = STAMPER.stamp_asset(stamped(media_type), record_for(media_type, model="tests/second"))
    assert content_of(twice) == content_of(encoded_timed(media_type))
    verdict = verdict_on(twice)
    assert (verdict.conclusion, verdict.extent) == (Conclusion.DECLARED_SYNTHETIC, Extent.FULL)
    assert len(container.read(twice).xmp) == 1


@pytest.mark.parametrize("media_type", TIMED)
def test_an_altered_one_is_not_stamped_again(media_type: str) -> None:
    asset = stamped(media_type)
    at = asset.data.index(content_of(asset)[:48]) + 7
    with pytest.raises(RecordInvalid, match="altered"):
        STAMPER.stamp_asset(Asset.from_bytes(flipped(asset.data, at)), record_for(media_type))


@pytest.mark.parametrize(
    ("media_type", "mode"),
    [
        ("audio/wav", GenerationMode.TEXT_TO_IMAGE),
        ("audio/wav", GenerationMode.TEXT_TO_VIDEO),
        ("video/mp4", GenerationMode.TEXT_TO_AUDIO),
    ],
)
def test_a_mode_that_makes_something_else_is_refused(media_type: str, mode: GenerationMode) -> None:
    with pytest.raises(RecordInvalid, match="does not make"):
        STAMPER.stamp_asset(encoded_timed(media_type), dataclasses.replace(RECORD, mode=mode))


def test_pixels_are_not_stamped_as_a_film() -> None:
    with pytest.raises(AssetUnsupported):
        STAMPER.stamp(picture(), record_for("video/mp4"), media_type="video/mp4")


def test_an_mp3_with_tags_of_its_own_keeps_them() -> None:
    title = made.id3_frame(b"TIT2", b"\3a title", version=3)
    asset = Asset.from_bytes(made.id3(title, version=3, padding=64) + made.mp3())
    signed = STAMPER.stamp_asset(asset, record_for("audio/mpeg"))
    assert {field.keyword: field.text for field in container.read(signed).text} == {"Title": "a title"}
    assert content_of(signed) == made.mp3()


def test_a_sound_that_still_plays(tmp_path) -> None:
    import wave

    with wave.open(io.BytesIO(stamped("audio/wav").data)) as file:
        assert (file.getnframes(), file.getframerate()) == (800, 8000)


def test_a_structure_that_cannot_be_read_is_the_fault_of_the_file() -> None:
    nested = b""
    for _ in range(1000):
        nested = (len(nested) + 8).to_bytes(4, "big") + b"moov" + nested
    film = encoded_timed("video/mp4").data
    hostile = Asset.from_bytes(film[: int.from_bytes(film[:4], "big")] + nested)
    with pytest.raises(AssetUnreadable, match="cannot be examined"):
        STAMPER.stamp_asset(hostile, record_for("video/mp4"))


@pytest.mark.parametrize("name", ["nested_moov_1000.mp4", "riff_bomb_1000.wav", "id3v23_compression_underflow.mp3"])
def test_a_hostile_container_gets_an_honest_answer(name: str, shared) -> None:
    asset = Asset.from_bytes((shared / "c2pa" / "other" / name).read_bytes())
    report = inspect(asset, [C2paExaminer(sound_chain().trust()), MarksExaminer()], VerdictPolicy(), at=NOW)
    unavailable = [e for e in report.evidence if isinstance(e, StatusEvidence) and e.outcome is Outcome.UNAVAILABLE]
    assert report.verdict.conclusion is Conclusion.INCONCLUSIVE
    # Two of them cannot be read to the end, and say so; the third is only odd, and has no manifest.
    assert (report.verdict.exit_code, bool(unavailable)) == (
        (ExitCode.NO_FINDING, False) if name.startswith("riff") else (ExitCode.UNAVAILABLE, True)
    )


@pytest.mark.parametrize("name", ["legacy.mp4", "video1.mp4"])
def test_a_film_signed_by_others_reads_as_intact(name: str, shared) -> None:
    asset = Asset.from_bytes((shared / "c2pa" / "other" / name).read_bytes())
    verdict = VerdictPolicy().decide(C2paExaminer(sound_chain().trust()).examine(asset))
    assert verdict.state is ProvenanceState.UNKNOWN_SIGNER
