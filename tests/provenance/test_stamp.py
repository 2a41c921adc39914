from __future__ import annotations

import dataclasses
import io
import json
from datetime import timedelta
from typing import Any

import c2pa
import encypher_c2pa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.errors import (
    AssayError,
    AssetUnsupported,
    CredentialExpired,
    ManifestError,
    RecordInvalid,
    SignerUnavailable,
    StampUnverified,
)
from provenance.evidence import declarations
from provenance.generation import GenerationMode, GenerationRecord
from provenance.keys import Credential, KeySigner
from provenance.metadata import declaration
from provenance.pixels import decode
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.verdict import Conclusion, ProvenanceState, VerdictPolicy, require_trusted
from tests.assets import attacks
from tests.assets.attacks import RECORD, WrongKeySigner, png_with
from tests.assets.chains import NOW, chain, pem_of, sound_chain
from tests.assets.pictures import encoded, picture

STAMPER = Stamper(sound_chain().signer)
EXAMINER = C2paExaminer(sound_chain().trust())
WRITABLE = sorted(declaration.MEDIA_TYPES)


def record(**changes: Any) -> GenerationRecord:
    return dataclasses.replace(RECORD, **changes)


def stored(asset: Asset) -> dict[str, Any]:
    return dict(json.loads(c2pa.Reader(asset.media_type, io.BytesIO(asset.data)).json()))


def assertions(asset: Asset) -> dict[str, Any]:
    store = stored(asset)
    return {a["label"]: a["data"] for a in store["manifests"][store["active_manifest"]]["assertions"]}


def prompts_in(asset: Asset) -> dict[str, str]:
    """The texts of the inputs that are prompts, by title, as the SDK hands them out."""
    reader = c2pa.Reader(asset.media_type, io.BytesIO(asset.data))
    store = json.loads(reader.json())
    found = {}
    for ingredient in store["manifests"][store["active_manifest"]].get("ingredients", []):
        if {"type": "c2pa.types.generator.prompt"} in ingredient.get("data_types", []) and "data" in ingredient:
            out = io.BytesIO()
            reader.resource_to_stream(ingredient["data"]["identifier"], out)
            found[ingredient["title"]] = out.getvalue().decode()
    return found


@pytest.mark.parametrize("media_type", WRITABLE)
def test_every_encodable_format_leaves_trusted(media_type: str) -> None:
    asset = STAMPER.stamp(picture(), RECORD, media_type=media_type)
    assert asset.media_type == media_type
    verdict = VerdictPolicy().decide(EXAMINER.examine(asset))
    assert (verdict.conclusion, verdict.state) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED)


@pytest.mark.parametrize("media_type", ["image/png", "image/tiff"])
def test_lossless_stamps_keep_the_pixels(media_type: str) -> None:
    assert np.array_equal(decode(STAMPER.stamp(picture(), RECORD, media_type=media_type)), picture())


@pytest.mark.parametrize("media_type", WRITABLE)
def test_stamping_an_asset_leaves_its_pixels_alone(media_type: str) -> None:
    asset = encoded(media_type)
    assert np.array_equal(decode(STAMPER.stamp_asset(asset, RECORD)), decode(asset))


@pytest.mark.parametrize("media_type", ["image/gif", "image/svg+xml", "application/pdf", ""])
def test_a_format_that_cannot_be_stamped_is_refused(media_type: str) -> None:
    with pytest.raises(AssetUnsupported):
        STAMPER.stamp(picture(), RECORD, media_type=media_type)


def test_a_gif_cannot_be_stamped_as_it_is() -> None:
    with pytest.raises(AssetUnsupported):
        STAMPER.stamp_asset(encoded("image/gif"), RECORD)


def test_actions_and_source_type_of_text_to_image() -> None:
    (action,) = assertions(STAMPER.stamp(picture(), RECORD))["c2pa.actions.v2"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.mark.parametrize("mode", [GenerationMode.IMAGE_TO_IMAGE, GenerationMode.INPAINTING])
def test_actions_and_source_type_with_a_parent(mode: GenerationMode) -> None:
    asset = STAMPER.stamp(picture(), record(mode=mode, parents=(encoded(seed=1),)))
    opened, edited = assertions(asset)["c2pa.actions.v2"]["actions"]
    assert (opened["action"], "digitalSourceType" in opened) == ("c2pa.opened", False)
    assert edited["action"] == "c2pa.edited"
    assert edited["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert edited["description"] == mode.value
    verdict = VerdictPolicy().decide(EXAMINER.examine(asset))
    assert verdict.extent is not None
    assert verdict.extent.value == "partial"


@pytest.mark.parametrize("seed", [0, 2**53 + 1, 2**63, 2**64 - 1])
def test_seeds_survive(seed: int) -> None:
    asset = STAMPER.stamp(picture(), record(seed=seed))
    assert assertions(asset)["org.assay.generation"]["seed"] == str(seed)


@pytest.mark.parametrize("media_type", WRITABLE)
def test_a_prompt_that_was_left_out_is_nowhere(media_type: str) -> None:
    secret = "zebra umbrella"
    told = STAMPER.stamp(picture(), record(prompt=secret), media_type=media_type).data
    untold = STAMPER.stamp(picture(), record(prompt=None), media_type=media_type).data
    assert secret.encode() in told
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    for words in (*(secret.encode(encoding) for encoding in encodings), b"lighthouse", b"prompt:", b"Prompt"):
        assert words not in untold


def test_a_signed_parent_keeps_its_manifest() -> None:
    parent = attacks.signed(chain=chain(name="Camera maker"))
    asset = STAMPER.stamp(picture(), record(mode=GenerationMode.IMAGE_TO_IMAGE, parents=(parent,)))
    assert stored(parent)["active_manifest"] in stored(asset)["manifests"]
    require_trusted(EXAMINER.examine(asset))


def test_an_altered_parent_is_refused() -> None:
    altered = Asset.from_bytes(attacks.pixel_flipped(attacks.signed().data))
    with pytest.raises(RecordInvalid, match=r"was altered after it was signed: assertion\.dataHash\.mismatch"):
        STAMPER.stamp(picture(), record(mode=GenerationMode.IMAGE_TO_IMAGE, parents=(altered,)))
    with pytest.raises(RecordInvalid, match="was altered"):
        STAMPER.stamp_asset(altered, RECORD)


def test_signed_input_is_continued_with_the_old_as_parent() -> None:
    first = STAMPER.stamp(picture(), RECORD)
    second = STAMPER.stamp_asset(first, record(model="tests/second"))
    store = stored(second)
    assert set(stored(first)["manifests"]) < set(store["manifests"])
    assert [a["action"] for a in assertions(second)["c2pa.actions.v2"]["actions"]] == ["c2pa.opened", "c2pa.edited"]
    assert declarations(EXAMINER.examine(second))[0].generator == "tests/second"
    require_trusted(EXAMINER.examine(second))


def test_signed_input_is_kept_beside_other_parents() -> None:
    first = STAMPER.stamp(picture(), RECORD)
    second = STAMPER.stamp_asset(first, record(parents=(encoded("image/jpeg", seed=2),)))
    assert stored(first)["active_manifest"] in stored(second)["manifests"]


def test_a_malformed_manifest_is_not_thrown_away() -> None:
    sound = STAMPER.stamp(picture(), RECORD)
    cut = png_with(sound.data, lambda name, content: [(name, content[: len(content) // 2] if name == b"caBX" else content)])
    with pytest.raises(ManifestError):
        STAMPER.stamp_asset(Asset.from_bytes(cut), RECORD)


def test_a_wrong_key_leaves_nothing() -> None:
    stamper = Stamper(WrongKeySigner(sound_chain(), chain().signer))
    with pytest.raises(StampUnverified, match=r"claimSignature\.mismatch") as caught:
        stamper.stamp(picture(), RECORD)
    assert caught.value.code == "stamp.unverified"


def test_an_expired_credential_is_refused_at_the_start() -> None:
    with pytest.raises(CredentialExpired):
        Stamper(sound_chain().signer, clock=lambda: NOW + timedelta(days=400))


def test_a_credential_that_expires_meanwhile_is_refused_before_the_key_is_touched() -> None:
    clock = [NOW]

    class Untouchable:
        credential = sound_chain().signer.credential

        def sign(self, payload: bytes) -> bytes:
            raise AssertionError("the key was touched")

    stamper = Stamper(Untouchable(), clock=lambda: clock[0])
    clock[0] += timedelta(days=400)
    with pytest.raises(CredentialExpired):
        stamper.stamp(picture(), RECORD)
    with pytest.raises(CredentialExpired):
        stamper.stamp_asset(encoded(), RECORD)


def test_a_signer_that_is_out_of_reach_comes_out_as_itself() -> None:
    class Unplugged:
        credential = sound_chain().signer.credential

        def sign(self, payload: bytes) -> bytes:
            raise SignerUnavailable("the token is unplugged")

    with pytest.raises(SignerUnavailable, match=r"^the token is unplugged$"):
        Stamper(Unplugged()).stamp(picture(), RECORD)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_chain_of_any_length_stamps(kept: int) -> None:
    of = chain(intermediate=True)
    signer = KeySigner(of.key, Credential.from_pem(pem_of(of.certificates[:kept])))
    assert Stamper(signer).stamp(picture(), RECORD).media_type == "image/png"


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_an_independent_verifier_finds_the_stamp_intact(media_type: str) -> None:
    asset = STAMPER.stamp(picture(), RECORD, media_type=media_type)
    sound, altered = (
        encypher_c2pa.verify(
            data, media_type, trust_pem=sound_chain().root_pem.decode(), no_default_trust=True, telemetry=False, online=False
        )
        for data in (asset.data, asset.data + b"hello")
    )
    assert (sound["integrity"], sound["signature"], sound["hard_binding"]) == ("valid", "valid", "match")
    assert (sound["validation_state"], sound["trust"]["status"]) == ("Trusted", "valid_for_supplied_material")
    assert altered["validation_state"] == "Invalid"


@settings(max_examples=25, deadline=None)
@given(
    prompt=st.none() | st.text(max_size=80),
    media_type=st.sampled_from(WRITABLE),
    seed=st.none() | st.integers(0, 2**64 - 1),
    parameters=st.dictionaries(
        st.text(max_size=9), st.text(max_size=9) | st.integers(-(2**63), 2**63) | st.booleans(), max_size=3
    ),
)
def test_any_record_stamps_or_is_refused_with_a_code(
    prompt: str | None, media_type: str, seed: int | None, parameters: dict[str, Any]
) -> None:
    try:
        described = record(prompt=prompt, seed=seed, parameters=parameters)
        asset = STAMPER.stamp(picture(), described, media_type=media_type)
    except RecordInvalid:
        return
    except AssayError as err:
        raise AssertionError(f"{err.code} for a record that was accepted") from err
    assert (prompts_in(asset).get("prompt") or None) == (prompt or None)


def test_a_mode_of_another_kind_than_the_asset_is_refused() -> None:
    with pytest.raises(RecordInvalid, match="text-to-video does not make image/png"):
        STAMPER.stamp_asset(encoded(), record(mode=GenerationMode.TEXT_TO_VIDEO))


def test_an_altered_control_picture_is_refused_like_an_altered_parent() -> None:
    altered = Asset.from_bytes(attacks.pixel_flipped(attacks.signed().data))
    with pytest.raises(RecordInvalid, match="was altered"):
        STAMPER.stamp(picture(), record(inputs=(altered,)))


def test_a_signed_control_picture_keeps_its_manifest_and_makes_no_composite() -> None:
    control = attacks.signed(chain=chain(name="Camera maker"))
    asset = STAMPER.stamp(picture(), record(inputs=(control,)))
    assert stored(control)["active_manifest"] in stored(asset)["manifests"]
    verdict = VerdictPolicy().decide(EXAMINER.examine(asset))
    assert (verdict.conclusion, verdict.extent and verdict.extent.value) == (Conclusion.DECLARED_SYNTHETIC, "full")


def test_every_asset_is_examined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    examine = C2paExaminer.examine
    monkeypatch.setattr(C2paExaminer, "examine", lambda self, asset: (seen.append(asset.sha256), examine(self, asset))[1])
    first = STAMPER.stamp(picture(), RECORD)
    seen.clear()
    second = STAMPER.stamp_asset(first, record(parents=(first,), inputs=(first,)))
    assert seen == [first.sha256]
    assert second.sha256 != first.sha256
