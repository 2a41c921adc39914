"""The roads end to end, with nothing but the real parts: stamp, check, strip, check again, report, verify."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from provenance.asset import Asset
from provenance.evidence import Examiner, Tier
from provenance.generation import GenerationMode, GenerationRecord
from provenance.inspection import Report, inspect
from provenance.keys import create_development_credential, signer_from_uri
from provenance.metadata.marks import MarksExaminer
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from provenance.trust.store import TrustStore
from provenance.verdict import Conclusion, ProvenanceState, VerdictPolicy

FORMATS = ["image/png", "image/jpeg", "image/webp", "image/avif", "image/tiff", "image/heic"]
RECORD = GenerationRecord(
    model="example/model",
    created_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    prompt="a lighthouse at dusk",
    seed=2**63 - 1,
    parameters={"steps": 4, "guidance_scale": 7.5},
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    create_development_credential(folder, now=datetime.now(UTC))
    return folder


@pytest.fixture(scope="module")
def stamper(home: Path) -> Stamper:
    return Stamper(signer_from_uri("development:", home=home))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((96, 64), Image.Resampling.BICUBIC))


def checked(asset: Asset, trust: TrustStore) -> Report:
    examiners: list[Examiner] = [C2paExaminer(trust), MarksExaminer()]
    return inspect(asset, examiners, VerdictPolicy(), at=datetime.now(UTC))


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_stamped_image_is_declared_synthetic_here_and_of_an_unknown_signer_elsewhere(media_type, stamper, home, pixels):
    stamped = stamper.stamp(pixels, RECORD, media_type=media_type)
    assert stamped.media_type == media_type

    here = checked(stamped, TrustStore.load(home)).verdict
    assert (here.conclusion, here.state, here.tier) == (
        Conclusion.DECLARED_SYNTHETIC,
        ProvenanceState.TRUSTED,
        Tier.DEVELOPMENT,
    )
    elsewhere = checked(stamped, TrustStore()).verdict
    assert (elsewhere.conclusion, elsewhere.state) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.UNKNOWN_SIGNER)


@pytest.mark.parametrize("media_type", FORMATS)
def test_a_changed_byte_of_the_picture_is_altered(media_type, stamper, home, pixels):
    stamped = stamper.stamp(pixels, RECORD, media_type=media_type)
    encoded = bytearray(stamped.data)
    at = payload_offset(stamped)
    encoded[at] ^= 1
    assert checked(Asset.from_bytes(bytes(encoded)), TrustStore.load(home)).verdict.conclusion is Conclusion.ALTERED


def payload_offset(asset: Asset) -> int:
    """Some byte of the encoded pixels; formats keep them in different places."""
    marker = {
        "image/png": b"IDAT",
        "image/jpeg": b"\xff\xda",
        "image/webp": b"VP8 ",
        "image/avif": b"mdat",
        "image/heic": b"mdat",
    }.get(asset.media_type)
    if marker is None:  # the strips of this TIFF come first
        return 64
    return asset.data.rindex(marker) + len(marker) + 24


def test_stripped_pixels_say_nothing_any_more(stamper, home, pixels):
    stamped = stamper.stamp(pixels, RECORD, media_type="image/jpeg")
    out = io.BytesIO()
    Image.open(io.BytesIO(stamped.data)).save(out, "PNG")
    verdict = checked(Asset.from_bytes(out.getvalue()), TrustStore.load(home)).verdict
    assert (verdict.conclusion, verdict.state, verdict.exit_code) == (Conclusion.INCONCLUSIVE, ProvenanceState.ABSENT, 0)


def test_only_plain_metadata_left_is_likely_synthetic(stamper, home, pixels):
    from provenance.metadata.declaration import without_manifest

    stamped = stamper.stamp(pixels, RECORD, media_type="image/jpeg")
    verdict = checked(without_manifest(stamped), TrustStore.load(home)).verdict
    assert (verdict.conclusion, verdict.state) == (Conclusion.LIKELY_SYNTHETIC, ProvenanceState.ABSENT)
    assert {item.layer.value for item in verdict.basis} == {"metadata"}


def test_stamping_again_keeps_the_first_stamp_as_the_parent(stamper, home, pixels):
    first = stamper.stamp(pixels, RECORD)
    second = stamper.stamp_asset(first, RECORD)
    verdict = checked(second, TrustStore.load(home)).verdict
    assert (verdict.conclusion, verdict.extent) == (Conclusion.DECLARED_SYNTHETIC, "full")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(second.data))), pixels)


def test_what_starts_from_a_photograph_is_a_composite_and_so_is_what_starts_from_that(stamper, home, pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    parent = Asset.from_bytes(out.getvalue())
    for _ in range(2):
        edit = replace(RECORD, mode=GenerationMode.IMAGE_TO_IMAGE, parents=(parent,))
        parent = stamper.stamp(pixels, edit)
        assert checked(parent, TrustStore.load(home)).verdict.extent == "partial"


def test_a_report_is_signed_and_verified_offline(stamper, home, pixels, tmp_path):
    from typer.testing import CliRunner

    from api.cli import app

    path = tmp_path / "stamped.png"
    path.write_bytes(stamper.stamp(pixels, RECORD).data)
    runner, env = CliRunner(), {"ASSAY_HOME": str(home), "ASSAY_EXAMINERS": '["c2pa", "marks"]'}
    signed = runner.invoke(app, ["check", "--json", "--sign-report", "--examiners", "c2pa,marks", str(path)], env=env)
    assert signed.exit_code == 1, signed.output
    report = tmp_path / "report.json"
    report.write_text(signed.stdout)
    assert runner.invoke(app, ["report", "verify", str(report)], env=env).exit_code == 0

    forged = json.loads(signed.stdout)
    forged["verdict"]["conclusion"] = "trusted_origin"
    report.write_text(json.dumps(forged))
    assert runner.invoke(app, ["report", "verify", str(report)], env=env).exit_code == 3
