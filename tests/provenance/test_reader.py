"""One lie at a time, in assets signed for the test; the shared material is in test_reader_shared.py."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from provenance.asset import IMAGE_MEDIA_TYPES, Asset
from provenance.errors import AssayError, ExaminerError
from provenance.evidence import Evidence, Outcome, StatusEvidence, declarations, failure_codes, success_codes
from provenance.reader import C2paExaminer
from provenance.trust.store import TrustStore
from provenance.verdict import Conclusion, ProvenanceState, Verdict, VerdictPolicy, provenance_state
from tests.assets import attacks
from tests.assets.attacks import RECORD, flipped, png_chunks, png_with, signed
from tests.assets.chains import TIME_STAMPING, chain, sound_chain
from tests.assets.claims import claimed, unchecked
from tests.assets.pictures import encoded, picture, saved

EXAMINER = C2paExaminer(sound_chain().trust())


def examined(data: bytes) -> tuple[Evidence, ...]:
    return tuple(EXAMINER.examine(Asset.from_bytes(data)))


def judged(data: bytes) -> Verdict:
    return VerdictPolicy().decide(examined(data))


def test_sound_stamp_is_trusted_and_declares_what_it_was_told() -> None:
    evidence = examined(signed().data)
    (declared,) = declarations(evidence)
    assert declared.digital_source_type == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert (declared.generator, declared.signer) == ("tests/tiny", "Throw-away signer, Throw-away tests")
    assert (declared.actions, declared.signed_at) == (("c2pa.created",), None)
    assert declared.locator.startswith("urn:c2pa:")
    assert VerdictPolicy().decide(evidence).state is ProvenanceState.TRUSTED
    assert failure_codes(evidence) == frozenset()


def test_no_manifest_is_a_finding() -> None:
    assert examined(encoded().data) == (StatusEvidence("c2pa", "manifest.absent", Outcome.INFORMATIONAL),)


def test_stripped_manifest_is_absent() -> None:
    assert judged(attacks.stripped(signed().data)).state is ProvenanceState.ABSENT


ALTERED = {
    "flipped pixel": (lambda: attacks.pixel_flipped(signed().data), {"assertion.dataHash.mismatch"}),
    "flipped assertion": (
        lambda: attacks.store_flipped(signed().data, b"trainedAlgorithmicMedia"),
        {"assertion.hashedURI.mismatch"},
    ),
    "flipped prompt": (lambda: attacks.store_flipped(signed().data, b"a lighthouse at dusk"), {"assertion.hashedURI.mismatch"}),
    "flipped claim": (lambda: attacks.store_flipped(signed().data, b"Assay tests"), {"claimSignature.mismatch"}),
    "transplanted manifest": (
        lambda: attacks.transplanted(signed().data, encoded(seed=1).data),
        {"assertion.dataHash.mismatch"},
    ),
    "appended bytes": (lambda: signed().data + b"\0" * 16, {"assertion.dataHash.mismatch"}),
    "text chunk added": (lambda: attacks.text_added(signed().data), {"assertion.dataHash.mismatch"}),
    "bytes after a JPEG": (lambda: signed(encoded("image/jpeg")).data + b"hello", {"assertion.dataHash.mismatch"}),
    "chunk after a WebP": (lambda: webp_with_chunk(signed(encoded("image/webp")).data), {"assertion.dataHash.mismatch"}),
    "box after an AVIF": (
        lambda: signed(encoded("image/avif")).data + b"\0\0\0\x0cmdatXXXX",
        {"assertion.bmffHash.mismatch"},
    ),
}


def webp_with_chunk(data: bytes) -> bytes:
    longer = data + b"abcd" + struct.pack("<I", 4) + b"XXXX"
    return longer[:4] + struct.pack("<I", len(longer) - 8) + longer[8:]


@pytest.mark.parametrize("lie", ALTERED)
def test_altered(lie: str) -> None:
    build, codes = ALTERED[lie]
    data = build()
    assert failure_codes(examined(data)) >= codes
    assert judged(data).conclusion is Conclusion.ALTERED


def test_flipped_signature_is_a_mismatch() -> None:
    signer = attacks.RecordingSigner(sound_chain())
    data = signed(signer=signer).data
    altered = attacks.store_flipped(data, signer.signature, offset=10)
    assert failure_codes(examined(altered)) == {"claimSignature.mismatch"}
    assert judged(altered).conclusion is Conclusion.ALTERED


def test_any_flipped_bit_of_the_store_is_noticed() -> None:
    data = signed().data
    size = len(dict(png_chunks(data))[b"caBX"])
    for at in range(40, size, 499):
        altered = png_with(data, lambda name, content, at=at: [(name, flipped(content, at) if name == b"caBX" else content)])
        try:
            state = provenance_state(examined(altered))
        except ExaminerError:
            continue
        # Padding and labels nobody signs may change; what is declared may not.
        if state is ProvenanceState.TRUSTED:
            assert declarations(examined(altered))[0].digital_source_type == RECORD.digital_source_type.value


def test_unknown_signer_is_intact_and_not_trusted() -> None:
    stranger = signed(chain=chain(name="Adobe Inc."))
    assert failure_codes(EXAMINER.examine(stranger)) == {"signingCredential.untrusted"}
    verdict = VerdictPolicy().decide(EXAMINER.examine(stranger))
    assert (verdict.conclusion, verdict.state) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.UNKNOWN_SIGNER)
    assert "an unknown signer" in verdict.basis[0].statement


def test_a_time_stamping_certificate_may_not_sign_claims() -> None:
    made = chain(usages=(TIME_STAMPING,))
    evidence = C2paExaminer(made.trust()).examine(signed(signer=unchecked(made)))
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER
    assert "manifest.signer_usage_wrong" in {e.code for e in evidence if isinstance(e, StatusEvidence)}
    assert "signingCredential.trusted" not in success_codes(evidence)


def test_laundered_parent_is_altered() -> None:
    tampered = Asset.from_bytes(attacks.pixel_flipped(signed().data))
    laundered = signed(parents=(tampered,))
    evidence = EXAMINER.examine(laundered)
    assert {"claimSignature.validated", "signingCredential.trusted", "assertion.dataHash.match"} <= success_codes(evidence)
    assert failure_codes(evidence) == {"assertion.dataHash.mismatch"}
    assert VerdictPolicy().decide(evidence).conclusion is Conclusion.ALTERED


def test_laundering_twice_does_not_wash_cleaner() -> None:
    tampered = Asset.from_bytes(attacks.pixel_flipped(signed().data))
    twice = signed(parents=(signed(parents=(tampered,)),))
    assert VerdictPolicy().decide(EXAMINER.examine(twice)).conclusion is Conclusion.ALTERED


def test_sound_parent_of_a_stranger_leaves_the_child_trusted() -> None:
    child = signed(parents=(signed(chain=chain(name="Stranger")),))
    assert provenance_state(EXAMINER.examine(child)) is ProvenanceState.TRUSTED


def test_trusted_parent_does_not_make_a_strangers_child_trusted() -> None:
    child = signed(chain=chain(name="Stranger"), parents=(signed(),))
    evidence = EXAMINER.examine(child)
    assert "signingCredential.trusted" not in success_codes(evidence)
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER


@pytest.mark.parametrize("ranges", [1, 2])
@pytest.mark.parametrize("swapped", [False, True])
def test_pixels_left_out_of_the_hash_are_not_bound(ranges: int, swapped: bool) -> None:
    mine, other = (Asset.from_bytes(saved(Image.fromarray(picture(seed=s)), "PNG", compress_level=0)) for s in (0, 3))
    data = attacks.pixels_excluded(mine, chain=sound_chain(), ranges=ranges)
    if swapped:
        pixels = dict(png_chunks(other.data))[b"IDAT"]
        data = png_with(data, lambda name, content: [(name, pixels if name == b"IDAT" else content)])
    evidence = examined(data)
    assert "assertion.dataHash.match" in success_codes(evidence)
    expected = {"assertion.dataHash.mismatch"} if ranges == 1 else {"manifest.content_excluded"}
    assert failure_codes(evidence) == expected
    assert VerdictPolicy().decide(evidence).conclusion is Conclusion.ALTERED


@pytest.mark.parametrize("media_type", ["image/tiff", "image/avif", "image/heic"])
def test_structural_exclusions_are_no_content(media_type: str) -> None:
    evidence = EXAMINER.examine(signed(encoded(media_type)))
    assert any("additionalExclusionsPresent" in e.code for e in evidence if isinstance(e, StatusEvidence))
    assert provenance_state(evidence) is ProvenanceState.TRUSTED


def test_pixels_in_a_box_of_no_use_are_not_bound() -> None:
    """Hashes of stills and films leave `free` boxes out and decoders read pixels there: who hands it in swaps them later."""
    plain = encoded("image/avif").data
    at = plain.rindex(b"mdat")
    hollow = signed(Asset.from_bytes(plain[:at] + b"free" + plain[at + 4 :]))
    inside = hollow.data.rindex(b"free") + 500
    for data in (hollow.data, flipped(hollow.data, inside)):
        evidence = examined(data)
        assert "assertion.bmffHash.match" in success_codes(evidence)
        assert failure_codes(evidence) == {"manifest.content_excluded"}
        assert VerdictPolicy().decide(evidence).conclusion is Conclusion.ALTERED


HOSTILE = "<script>alert(1)</script>' OR 1=1; -- \u202egnp.exe" + "A" * 5000


def test_hostile_strings_are_carried_cut_and_steer_nothing() -> None:
    asset = signed(model=HOSTILE, provider=HOSTILE, prompt=HOSTILE)
    (declared,) = declarations(EXAMINER.examine(asset))
    assert declared.generator == "<script>alert(1)</script>' OR 1=1; -- \ufffdgnp.exe" + "A" * 453 + "…"
    for evidence in EXAMINER.examine(claimed(actions=[{"action": f"org.x.{HOSTILE}"}], generator=HOSTILE, parents=(asset,))):
        for value in (getattr(evidence, name) for name in evidence.__dataclass_fields__):
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str):
                    assert len(text) <= 500
                    assert text.isprintable()


@pytest.mark.parametrize("junk", [b"", b"junk", b"\0" * 64])
def test_junk_for_a_sidecar_is_never_trusted(junk: bytes) -> None:
    try:
        state = provenance_state(C2paExaminer(sound_chain().trust(), sidecar=junk).examine(encoded()))
    except ExaminerError:
        return
    assert state is not ProvenanceState.TRUSTED


def test_sidecar_is_validated_against_the_asset() -> None:
    store = dict(png_chunks(signed().data))[b"caBX"]
    evidence = C2paExaminer(sound_chain().trust(), sidecar=store).examine(encoded(seed=1))
    assert VerdictPolicy().decide(evidence).conclusion is Conclusion.ALTERED


def test_half_a_store_is_malformed() -> None:
    cut = png_with(signed().data, lambda name, content: [(name, content[: len(content) // 2] if name == b"caBX" else content)])
    evidence = examined(cut)
    assert failure_codes(evidence) == {"manifest.malformed"}
    assert VerdictPolicy().decide(evidence).state is ProvenanceState.INVALID


@pytest.mark.parametrize("media_type", sorted(set(IMAGE_MEDIA_TYPES) - {"image/heif"}))
def test_truncated_files_are_never_trusted(media_type: str) -> None:
    data = signed(encoded(media_type)).data
    for keep in (0.1, 0.5, 0.9, 0.99):
        try:
            state = provenance_state(examined(data[: int(keep * len(data))]))
        except AssayError:
            continue
        assert state is not ProvenanceState.TRUSTED


def test_an_empty_store_trusts_nobody() -> None:
    assert provenance_state(C2paExaminer(TrustStore()).examine(signed())) is ProvenanceState.UNKNOWN_SIGNER
