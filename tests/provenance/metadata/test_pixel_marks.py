"""What the pixel examiner declares, how forgeable it says that is, and what a verdict makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from benchmarks.dwt_dct_encoder import embedded
from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.errors import AssetUnreadable
from provenance.evidence import DeclarationEvidence, Evidence, Examiner, Forgeability, Layer, Outcome, StatusEvidence
from provenance.metadata.dwt_dct import MESSAGES
from provenance.metadata.pixel_marks import PixelMarksExaminer
from provenance.pixels import decode
from provenance.status_codes import (
    MARKS_ABSENT,
    MARKS_MALFORMED,
    MARKS_NOT_APPLICABLE,
    MARKS_PRESENT,
    MARKS_SIGNATURE_MISMATCH,
    MARKS_SIGNATURE_VALIDATED,
    MARKS_WEAK,
)
from provenance.verdict import Conclusion, VerdictPolicy
from tests.assets.sounds_and_films import encoded_timed
from tests.provenance.metadata.hidden_marks import (
    compressed,
    hidden_metadata,
    photograph,
    png,
    saved,
    signed_comment,
    with_hidden,
)

TRAINED = str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
A1111 = "a lighthouse\nNegative prompt: fog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Model: sd15, Version: v1.10.1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EXAMINER = PixelMarksExaminer(novelai_key=KEY.public_key().public_bytes_raw())
RGB = photograph(96, 64)
COMMENT = {"prompt": "a lighthouse", "seed": 7}
BITS = {message.name: message.bits for message in MESSAGES}


def declared(evidence: list[Evidence]) -> list[DeclarationEvidence]:
    return [e for e in evidence if isinstance(e, DeclarationEvidence)]


def codes(evidence: list[Evidence]) -> list[str]:
    return [e.code for e in evidence if isinstance(e, StatusEvidence)]


def conclusion(evidence: list[Evidence]) -> Conclusion:
    return VerdictPolicy().decide(evidence).conclusion


def test_it_is_an_examiner():
    examiner: Examiner = EXAMINER
    assert examiner.name == "pixel-marks"


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "AVIF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_picture_without_marks_says_absent_and_nothing_else(name, mode):
    if (name, mode) == ("JPEG", "RGBA"):
        mode = "CMYK"
    asset = saved(np.asarray(Image.fromarray(RGB).convert(mode)) if mode != "CMYK" else RGB, name)
    assert EXAMINER.examine(asset) == [StatusEvidence("pixel-marks", MARKS_ABSENT, Outcome.INFORMATIONAL)]


@pytest.mark.parametrize("media_type", ["audio/wav", "audio/mpeg", "video/mp4"])
def test_a_sound_or_film_has_no_pixels_to_look_at(media_type):
    (status,) = EXAMINER.examine(encoded_timed(media_type))
    assert (status.code, status.outcome) == (MARKS_NOT_APPLICABLE, Outcome.NOT_APPLICABLE)
    assert media_type in status.explanation


def test_a_truncated_picture_is_no_clean_one():
    with pytest.raises(AssetUnreadable):
        EXAMINER.examine(Asset.from_bytes(png(RGB).data[:400]))


@pytest.mark.parametrize("name", ["SDXL", "FLUX", "StableDiffusionV1"])
def test_a_watermark_anyone_can_write_is_public_and_makes_likely_synthetic(name):
    evidence = EXAMINER.examine(png(embedded(photograph(320, 320), BITS[name], path="floats")))
    (mark,) = declared(evidence)
    assert (mark.layer, mark.forgeability, mark.digital_source_type) == (Layer.WATERMARK, Forgeability.PUBLIC, TRAINED)
    assert mark.locator.startswith(f"pixels:dwtDct {name}: ")
    assert mark.locator.endswith(f" of {len(BITS[name])} bits")
    assert codes(evidence) == [MARKS_PRESENT]
    verdict = VerdictPolicy().decide(evidence)
    assert verdict.conclusion is Conclusion.LIKELY_SYNTHETIC
    assert [(b.layer, b.forgeable) for b in verdict.basis] == [(Layer.WATERMARK, Forgeability.PUBLIC)]


def test_a_message_too_short_to_count_is_shown_and_declares_nothing():
    evidence = EXAMINER.examine(png(embedded(photograph(320, 320), BITS["SDV2"], path="bytes")))
    assert declared(evidence) == []
    assert MARKS_WEAK in codes(evidence)
    assert any("SDV2: 32 of 32 bits" in e.explanation for e in evidence)
    assert conclusion(evidence) is Conclusion.INCONCLUSIVE


@pytest.mark.parametrize("magic", ["stealth_pnginfo", "stealth_pngcomp", "stealth_rgbinfo", "stealth_rgbcomp"])
def test_parameters_hidden_in_lowest_bits_are_public(magic):
    payload = compressed(A1111) if magic.endswith("comp") else A1111.encode()
    evidence = EXAMINER.examine(png(with_hidden(photograph(128, 128), magic, payload)))
    mark = DeclarationEvidence(
        "pixel-marks",
        Layer.WATERMARK,
        Forgeability.PUBLIC,
        digital_source_type=TRAINED,
        generator="sd15 / v1.10.1",
        locator=f"pixels:{magic}",
    )
    assert evidence == [
        StatusEvidence("pixel-marks", MARKS_PRESENT, Outcome.INFORMATIONAL, explanation=f"pixels:{magic}"),
        mark,
    ]
    assert conclusion(evidence) is Conclusion.LIKELY_SYNTHETIC


@pytest.mark.parametrize(
    ("text", "generator"),
    [
        ('{"sui_image_params": {"prompt": "x", "model": "sdxl"}}', "SwarmUI / sdxl"),
        ('{"version": "Fooocus v2.5.5", "prompt": "x"}', "Fooocus v2.5.5"),
        ('{"3": {"class_type": "KSampler"}}', "ComfyUI"),
        (hidden_metadata('{"prompt": "x"}'), "NovelAI Diffusion V4 37442FCA"),
        ('{"Software": "NovelAI"}', "NovelAI"),
        ('{"AIGC": {"Label": "1"}}', "AIGC label confirmed"),
    ],
)
def test_hidden_texts_of_each_kind(text, generator):
    (mark,) = declared(EXAMINER.examine(png(with_hidden(photograph(128, 128), "stealth_pngcomp", compressed(text)))))
    assert (mark.digital_source_type, mark.generator) == (TRAINED, generator)


def test_a_hidden_text_of_nobody_known_is_shown_and_implies_nothing():
    evidence = EXAMINER.examine(png(with_hidden(RGB, "stealth_pnginfo", b"Postprocess upscale by: 4")))
    (mark,) = declared(evidence)
    assert (mark.digital_source_type, mark.generator) == (None, "hidden text of no known generator")
    assert conclusion(evidence) is Conclusion.INCONCLUSIVE


def test_a_hidden_text_that_cannot_be_read_is_unavailable_and_hides_no_watermark():
    marked = embedded(photograph(320, 320), BITS["SDXL"], path="floats")
    evidence = EXAMINER.examine(png(with_hidden(marked, "stealth_pngcomp", b"no gzip")))
    assert codes(evidence) == [MARKS_PRESENT, MARKS_MALFORMED]
    assert [d.generator for d in declared(evidence)] == ["Stable Diffusion XL"]


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_hidden_text_is_found_in_every_format_that_keeps_lowest_bits(name):
    options = {"lossless": True, "exact": True} if name == "WEBP" else {}
    pixels = with_hidden(photograph(128, 128), "stealth_pngcomp", compressed(A1111))
    (mark,) = declared(EXAMINER.examine(saved(pixels, name, **options)))
    assert mark.generator == "sd15 / v1.10.1"


@pytest.mark.parametrize("hidden", [True, False])
def test_a_signature_that_holds_is_signed_and_declares(hidden):
    text = signed_comment(RGB, COMMENT, KEY)
    if hidden:
        asset = png(with_hidden(RGB, "stealth_pngcomp", compressed(hidden_metadata(text))))
        locator, layer = "pixels:stealth_pngcomp", Layer.WATERMARK
    else:
        asset, locator, layer = png(RGB, Comment=text), "PNG:Comment", Layer.METADATA
    evidence = EXAMINER.examine(asset)
    assert StatusEvidence("pixel-marks", MARKS_SIGNATURE_VALIDATED, Outcome.SUCCESS, locator) in evidence
    assert (
        DeclarationEvidence(
            "pixel-marks",
            layer,
            Forgeability.SIGNED,
            digital_source_type=TRAINED,
            generator="NovelAI",
            signer="NovelAI's image signing key",
            locator=locator,
        )
        in evidence
    )
    assert conclusion(evidence) is Conclusion.DECLARED_SYNTHETIC


def test_a_webp_of_novelai_is_checked_by_its_exif():
    text = signed_comment(RGB, COMMENT, KEY).encode()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\x00\x00\x00" + text
    asset = saved(RGB, "WEBP", lossless=True, exif=exif.tobytes())
    assert [d.locator for d in declared(EXAMINER.examine(asset))] == ["EXIF:UserComment"]


def test_a_signature_of_other_pixels_declares_nothing_and_does_not_say_altered():
    evidence = EXAMINER.examine(png(photograph(96, 64, seed=1), Comment=signed_comment(RGB, COMMENT, KEY)))
    (status,) = evidence
    assert (status.code, status.outcome, status.locator) == (MARKS_SIGNATURE_MISMATCH, Outcome.FAILURE, "PNG:Comment")
    assert conclusion(evidence) is Conclusion.INCONCLUSIVE


def test_a_signature_by_another_key_does_not_hold_with_novelais():
    evidence = PixelMarksExaminer().examine(png(RGB, Comment=signed_comment(RGB, COMMENT, KEY)))
    assert codes(evidence) == [MARKS_SIGNATURE_MISMATCH]


def test_no_more_signatures_are_checked_than_the_limit():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for number in range(40):
        info.add_text("Comment", json.dumps({"n": number, "signed_hash": "AAAA"}))
    evidence = EXAMINER.examine(saved(RGB, "PNG", pnginfo=info))
    assert codes(evidence) == [MARKS_SIGNATURE_MISMATCH]  # they say the same of the same place
    assert len(evidence) == 1


def test_hostile_words_in_hidden_text_are_quoted():
    text = json.dumps({"Software": "NovelAI", "Source": "NovelAI \u202e\x1b[2J" + "A" * 5000})
    (mark,) = declared(EXAMINER.examine(png(with_hidden(photograph(128, 128), "stealth_pngcomp", compressed(text)))))
    assert mark.generator is not None
    assert len(mark.generator) == 200
    assert mark.generator.isprintable()


def test_pixels_decoded_elsewhere_are_looked_at_the_same_way():
    for asset in (
        png(embedded(photograph(320, 320), BITS["SDXL"], path="floats")),
        png(with_hidden(photograph(128, 128), "stealth_pngcomp", compressed(A1111))),
        png(RGB, Comment=signed_comment(RGB, COMMENT, KEY)),
    ):
        assert EXAMINER.examine_pixels(asset, decode(asset)) == EXAMINER.examine(asset)
