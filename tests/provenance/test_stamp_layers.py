"""What a stamp says in every layer, and what it leaves out of all of them, as readers find it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import struct
from typing import Any
from zlib import crc32

import c2pa
import encypher_c2pa
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from provenance.amendment import redact
from provenance.asset import Asset
from provenance.conformance.rubric import Standing, evaluate
from provenance.errors import AssetUnreadable, RecordInvalid
from provenance.evidence import DeclarationEvidence, Permission, UsageWish, Use, declarations
from provenance.generation import GenerationMode
from provenance.metadata import declaration
from provenance.metadata.fields import read_fields
from provenance.metadata.marks import MarksExaminer
from provenance.prompt_policy import PromptPolicy, PromptRule, WithheldPrompts
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.verdict import require_trusted
from tests.assets.attacks import RECORD
from tests.assets.chains import sound_chain
from tests.assets.pictures import encoded, picture
from tests.provenance.metadata.hidden_marks import compressed, photograph, png, with_hidden

SIGNER = sound_chain().signer
EXAMINER = C2paExaminer(sound_chain().trust())
WRITABLE = sorted(declaration.MEDIA_TYPES)
MODES = [mode for mode in GenerationMode if mode.makes == "image"]
KEY = b"k" * 32
SECRETS = ("zanzibar fox", "ocelot", "quokka", "a cat in a hat")
PROMPTED = dataclasses.replace(
    RECORD,
    prompt=SECRETS[0],
    negative_prompt=SECRETS[1],
    parameters={"prompt_2": SECRETS[2], "gligen_phrases": SECRETS[3], "steps": 4},
    provider="Acme Images",
    model_version="1.2",
    model_sha256="ab" * 32,
)
HIDING = {
    "keyed": PromptRule(PromptPolicy.KEYED, KEY),
    "omitted": PromptRule(PromptPolicy.OMITTED),
}


def active(asset: Asset) -> dict[str, Any]:
    store = json.loads(c2pa.Reader(asset.media_type, io.BytesIO(asset.data)).json())
    return dict(store["manifests"][store["active_manifest"]])


def data(asset: Asset, label: str) -> Any:
    return next(a["data"] for a in active(asset)["assertions"] if a["label"] == label)


def told(asset: Asset) -> list[str]:
    forms = ("utf-8", "utf-16-le", "utf-16-be")
    return [word for word in SECRETS if any(word.encode(form) in asset.data for form in forms)]


def fields(asset: Asset) -> dict[str, str]:
    return {field.name: field.text for field in read_fields(asset).fields}


@pytest.mark.parametrize("media_type", WRITABLE)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_in_every_format_meets_the_rubric(mode: GenerationMode, media_type: str) -> None:
    parents = (encoded(seed=1),) if mode.starts_from_asset else ()
    wishes = (UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),)
    record = dataclasses.replace(PROMPTED, mode=mode, parents=parents, wishes=wishes, inputs=(encoded("image/jpeg", seed=2),))
    asset = Stamper(SIGNER).stamp(picture(), record, media_type=media_type)
    require_trusted(EXAMINER.examine(asset))
    results = evaluate(EXAMINER.crjson(asset) or {})
    assert [r for r in results if r.standing is Standing.FAILED] == []
    applied = {r.id for r in results if r.standing is Standing.PASSED}
    assert {"generator.model", "generator.prompt", "generator.inputs", "disclosure.present", "rights.wishes"} <= applied


@pytest.mark.parametrize("media_type", WRITABLE)
@pytest.mark.parametrize("rule", HIDING.values(), ids=HIDING)
def test_no_layer_tells_a_prompt_that_is_withheld(rule: PromptRule, media_type: str) -> None:
    assert told(Stamper(SIGNER).stamp(picture(), PROMPTED, media_type=media_type)) == list(SECRETS)
    hidden = Stamper(SIGNER, prompts=rule).stamp(picture(), PROMPTED, media_type=media_type)
    assert told(hidden) == []
    assert fields(hidden)["Iptc4xmpExt:AISystemUsed"] == RECORD.model
    again = Stamper(SIGNER, prompts=rule).stamp_asset(Asset.from_bytes(encoded(media_type).data), PROMPTED)
    assert told(again) == []


@pytest.mark.parametrize("rule", HIDING.values(), ids=HIDING)
def test_a_withheld_prompt_does_not_cost_the_rubric(rule: PromptRule) -> None:
    stamper = Stamper(SIGNER, prompts=rule, wishes=(UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),))
    results = evaluate(EXAMINER.crjson(stamper.stamp(picture(), PROMPTED)) or {})
    assert [r for r in results if r.standing is Standing.FAILED] == []


def test_a_commitment_read_back_opens_with_the_key() -> None:
    stamped = Stamper(SIGNER, prompts=HIDING["keyed"]).stamp(picture(), PROMPTED)
    said = dict(data(stamped, "org.assay.generation")["promptCommitment"])
    assert said.pop("alg") == "HMAC-SHA-256"
    withheld = WithheldPrompts(bytes.fromhex(said.pop("nonce")), said)
    assert [withheld.holds(KEY, "prompt", text) for text in ("zanzibar fox", "zanzibar")] == [True, False]
    assert withheld.holds(KEY, "prompt_2", "quokka")


def png_of_other_software() -> Asset:
    """A PNG with a prompt wherever other generators put one."""
    text = PngInfo()
    for keyword in ("parameters", "prompt", "workflow", "Comment", "Description", "sd-metadata", "Negative Prompt"):
        text.add_text(keyword, f"{keyword}: zanzibar fox")
    text.add_text("Software", "NovelAI")
    exif = Image.Exif()
    exif[269], exif[40092] = "zanzibar fox", "zanzibar fox".encode("utf-16-le")  # DocumentName, XPComment
    exif[270], exif[271], exif[272] = "zanzibar fox, Job ID: 1", "workflow:zanzibar fox", "prompt:zanzibar fox"
    exif[316] = '{"1": {"class_type": "CLIPTextEncode", "inputs": {"text": "zanzibar fox"}}}'
    text.add_itxt(
        "XML:com.adobe.xmp",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="zanzibar fox"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Headline="zanzibar fox"><dc:description><rdf:Alt>'
        "<rdf:li>zanzibar fox</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>",
    )
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "PNG", pnginfo=text, exif=exif)
    return Asset.from_bytes(out.getvalue())


@pytest.mark.parametrize("rule", HIDING.values(), ids=HIDING)
def test_a_prompt_that_other_software_left_goes_as_well(rule: PromptRule) -> None:
    before = png_of_other_software()
    assert (before.data.count(b"zanzibar fox"), before.data.count("zanzibar fox".encode("utf-16-le"))) == (15, 1)
    assert told(Stamper(SIGNER, prompts=rule).stamp_asset(before, PROMPTED)) == []


@pytest.mark.parametrize("magic", ["stealth_pngcomp", "stealth_rgbcomp"])
def test_a_prompt_hidden_in_the_pixels_is_refused_because_pixels_stay(magic: str) -> None:
    hiding = png(with_hidden(photograph(64, 96), magic, compressed('{"prompt": "zanzibar fox"}')))
    with pytest.raises(RecordInvalid, match=f"hide a text .{magic}."):
        Stamper(SIGNER, prompts=HIDING["omitted"]).stamp_asset(hiding, PROMPTED)
    stamped = Stamper(SIGNER).stamp_asset(hiding, PROMPTED)
    with pytest.raises(RecordInvalid, match="hide a text"):
        redact(Stamper(SIGNER), stamped, prompts=True)


def test_an_exif_block_written_as_png_text_is_replaced_like_any_other() -> None:
    exif = Image.Exif()
    exif[270] = "zanzibar fox"
    block = exif.tobytes()
    text = PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=True)
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "PNG", pnginfo=text)
    before = Asset.from_bytes(out.getvalue())
    assert ("ImageDescription", "zanzibar fox") in {(field.name, field.text) for field in read_fields(before).fields}
    after = Stamper(SIGNER, prompts=HIDING["omitted"]).stamp_asset(before, PROMPTED)
    assert b"Raw profile type" not in after.data
    assert told(after) == []


def test_a_description_in_extended_xmp_that_stays_is_refused() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:dc="http://purl.org/dc/elements/1.1/" dc:description="zanzibar fox"/></rdf:RDF></x:xmpmeta>'
    )
    main = packet.replace(b'dc:description="zanzibar fox"', b'dc:format="image/jpeg"')
    extension = b"http://ns.adobe.com/xmp/extension/\x00" + hashlib.md5(packet).hexdigest().upper().encode()
    extension += struct.pack(">II", len(packet), 0) + packet
    plain = encoded("image/jpeg").data
    segments = [b"http://ns.adobe.com/xap/1.0/\x00" + main, extension]
    added = b"".join(b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment for segment in segments)
    extended = Asset.from_bytes(plain[:2] + added + plain[2:])
    assert Stamper(SIGNER).stamp_asset(extended, PROMPTED).media_type == "image/jpeg"
    with pytest.raises(RecordInvalid, match="extended XMP"):
        Stamper(SIGNER, prompts=HIDING["omitted"]).stamp_asset(extended, PROMPTED)


def test_a_text_that_cannot_be_read_may_hold_a_prompt_and_is_refused() -> None:
    sound = encoded().data
    chunk = b"zTXt" + b"prompt\x00\x00" + b"not deflated"
    damaged = Asset.from_bytes(
        sound[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", crc32(chunk)) + sound[33:]
    )
    assert Stamper(SIGNER).stamp_asset(damaged, PROMPTED).media_type == "image/png"
    with pytest.raises(AssetUnreadable, match="PNG:prompt"):
        Stamper(SIGNER, prompts=HIDING["omitted"]).stamp_asset(damaged, PROMPTED)


def test_names_of_parameters_may_hold_anything() -> None:
    odd = 'a/../"prompt" \u2603\n\\'
    stamped = Stamper(SIGNER).stamp(picture(), dataclasses.replace(RECORD, parameters={odd: "zanzibar fox"}))
    assert odd in {i.get("title") for i in active(stamped)["ingredients"]}
    assert told(stamped) == ["zanzibar fox"]
    assert (
        told(
            Stamper(SIGNER, prompts=HIDING["omitted"]).stamp(
                picture(), dataclasses.replace(RECORD, parameters={odd: "zanzibar fox"})
            )
        )
        == []
    )


def test_a_comment_that_may_hold_a_prompt_and_stays_is_refused() -> None:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "JPEG", comment=b"zanzibar fox")
    with pytest.raises(RecordInvalid, match="may hold a prompt"):
        Stamper(SIGNER, prompts=HIDING["omitted"]).stamp_asset(Asset.from_bytes(out.getvalue()), PROMPTED)


@pytest.mark.parametrize("media_type", WRITABLE)
def test_latent_disclosure_is_in_manifest_and_metadata(media_type: str) -> None:
    stamped = Stamper(SIGNER).stamp(picture(), PROMPTED, media_type=media_type)
    said, generation = fields(stamped), data(stamped, "org.assay.generation")
    label = json.loads(said["TC260:AIGC"])
    at = RECORD.created_at.isoformat(timespec="seconds")
    assert (label["ContentProducer"], generation["provider"]) == ("Acme Images", "Acme Images")
    assert (said["Iptc4xmpExt:AISystemUsed"], generation["model"]) == (RECORD.model, RECORD.model)
    assert (said["Iptc4xmpExt:AISystemVersionUsed"], generation["modelVersion"]) == ("1.2", "1.2")
    assert (said["xmp:CreateDate"], generation["time"]) == (at, at.replace("+00:00", "Z"))
    assert said["xmpMM:InstanceID"] == generation["id"] == active(stamped)["instance_id"] == f"xmp.iid:{label['ProduceID']}"
    assert generation["content"] == "created"


@pytest.mark.parametrize("media_type", WRITABLE)
def test_our_marks_are_what_our_reader_reads(media_type: str) -> None:
    stamped = Stamper(SIGNER).stamp(picture(), PROMPTED, media_type=media_type)
    read = {d.locator: d for d in declarations(MarksExaminer().examine(stamped)) if d.digital_source_type}
    assert {d.digital_source_type for d in read.values()} == {RECORD.digital_source_type.value}
    assert read["XMP:TC260:AIGC"].generator == "AIGC label confirmed, producer Acme Images"
    assert ("PNG:AIGC" in read) is (media_type == "image/png")


def wishes_in(evidence: list[DeclarationEvidence]) -> set[UsageWish]:
    return {wish for declared in evidence for wish in declared.wishes}


@pytest.mark.parametrize("media_type", WRITABLE)
@pytest.mark.parametrize("permission", [Permission.ALLOWED, Permission.NOT_ALLOWED])
def test_a_wish_comes_back_from_the_manifest_and_from_xmp(permission: Permission, media_type: str) -> None:
    wishes = tuple(UsageWish(use, permission) for use in Use)
    stamped = Stamper(SIGNER, wishes=wishes).stamp(picture(), RECORD, media_type=media_type)
    assert wishes_in(list(declarations(EXAMINER.examine(stamped)))) == set(wishes)
    # PLUS has no code for inference.
    told = {wish for wish in wishes if wish.use is not Use.AI_INFERENCE}
    assert wishes_in(list(declarations(MarksExaminer().examine(stamped)))) == told


@pytest.mark.parametrize(
    ("wishes", "code", "terms"),
    [
        ([(Use.DATA_MINING, Permission.NOT_ALLOWED, "")], "DMI-PROHIBITED", None),
        ([(Use.AI_TRAINING, Permission.NOT_ALLOWED, "")], "DMI-PROHIBITED-AIMLTRAINING", None),
        ([(Use.AI_GENERATIVE_TRAINING, Permission.NOT_ALLOWED, "")], "DMI-PROHIBITED-GENAIMLTRAINING", None),
        ([(Use.DATA_MINING, Permission.ALLOWED, "")], "DMI-ALLOWED", None),
        ([(Use.AI_INFERENCE, Permission.NOT_ALLOWED, "")], None, None),
        ([(Use.DATA_MINING, Permission.ALLOWED, ""), (Use.AI_INFERENCE, Permission.NOT_ALLOWED, "")], None, None),
        (
            [(Use.AI_TRAINING, Permission.CONSTRAINED, "ask us"), (Use.DATA_MINING, Permission.NOT_ALLOWED, "")],
            "DMI-PROHIBITED-SEECONSTRAINT",
            "ai_training: ask us; data_mining: notAllowed",
        ),
    ],
)
def test_plus_says_no_more_than_was_wished(
    wishes: list[tuple[Use, Permission, str]], code: str | None, terms: str | None
) -> None:
    record = dataclasses.replace(RECORD, wishes=tuple(UsageWish(*wish) for wish in wishes))
    said = fields(Stamper(SIGNER).stamp(picture(), record))
    expected = None if code is None else f"http://ns.useplus.org/ldf/vocab/{code}"
    assert (said.get("plus:DataMining"), said.get("plus:OtherConstraints")) == (expected, terms)


def test_a_records_own_wish_outranks_the_houses() -> None:
    house, own = (UsageWish(Use.AI_TRAINING, p) for p in (Permission.NOT_ALLOWED, Permission.ALLOWED))
    stamped = Stamper(SIGNER, wishes=(house,)).stamp(picture(), dataclasses.replace(RECORD, wishes=(own,)))
    assert data(stamped, "cawg.training-mining") == {"entries": {"cawg.ai_training": {"use": "allowed"}}}


def test_a_refusal_in_the_asset_is_not_taken_out() -> None:
    refused = dataclasses.replace(RECORD, wishes=(UsageWish(Use.DATA_MINING, Permission.NOT_ALLOWED),))
    once = declaration.without_manifest(Stamper(SIGNER).stamp(picture(), refused))
    assert fields(Stamper(SIGNER).stamp_asset(once, RECORD))["plus:DataMining"].endswith("/DMI-PROHIBITED")


def test_two_wishes_for_one_use_are_refused() -> None:
    with pytest.raises(RecordInvalid, match="two wishes"):
        dataclasses.replace(RECORD, wishes=(UsageWish(Use.AI_TRAINING, Permission.ALLOWED),) * 2)


@pytest.mark.parametrize("rule", [PromptRule(), *HIDING.values()], ids=["plain", *HIDING])
@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_an_independent_verifier_finds_inputs_and_edits_intact(media_type: str, rule: PromptRule) -> None:
    stamper = Stamper(SIGNER, prompts=rule, wishes=(UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),))
    first = stamper.stamp(picture(), PROMPTED, media_type=media_type)
    control = stamper.stamp(picture(), RECORD, media_type=media_type)
    second = stamper.stamp_asset(first, dataclasses.replace(PROMPTED, inputs=(control, encoded("image/jpeg"))))
    ours = {"trust_pem": sound_chain().root_pem.decode(), "no_default_trust": True, "telemetry": False, "online": False}
    for asset in (first, second):
        found = encypher_c2pa.verify(asset.data, media_type, **ours)
        assert (found["integrity"], found["hard_binding"], found["validation_state"]) == ("valid", "match", "Trusted")
