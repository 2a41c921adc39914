from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.composition import (
    UnavailableExaminer,
    build_examiners,
    build_generator,
    build_parsers,
    build_stamper,
    check,
    policy,
    versions,
)
from provenance.asset import Asset
from provenance.errors import (
    AssetAnimated,
    CredentialMissing,
    ModelUnusable,
    PixelsTooMany,
    TrustStoreError,
    UsageInvalid,
    WeightsMismatch,
)
from provenance.keys import create_development_credential
from provenance.verdict import ExitCode
from tests.api.conftest import animated, encoded

T0 = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def parsers(settings):
    with build_parsers(settings) as parsers:
        yield parsers


def test_examiners_come_in_the_order_asked_for_and_once(settings, parsers):
    assert [examiner.name for examiner in build_examiners(settings, parsers, ["marks", "c2pa", "marks"])] == ["marks", "c2pa"]


@pytest.mark.parametrize("names", [[], ["c2pa", "oracle"]])
def test_no_examiner_and_an_unknown_one_are_refused(settings, parsers, names):
    with pytest.raises(UsageInvalid, match="there are c2pa, marks, pixel-marks, detector"):
        build_examiners(settings, parsers, names)


def test_a_detector_that_cannot_be_loaded_says_so_in_every_report(settings, parsers, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise WeightsMismatch("/srv/x.onnx is another file")

    monkeypatch.setattr("detector.scoring.load_detector", broken)
    examiners = build_examiners(settings, parsers, ["c2pa", "detector"])
    report = check(Asset.from_bytes(encoded()), examiners, policy(), parsers=parsers, at=T0, max_pixels=10**6)
    unavailable = [e for e in report.evidence if e.code == "examiner.unavailable"]
    assert [e.examiner for e in unavailable] == ["detector"]
    assert unavailable[0].explanation == f"examiner.failed: {WeightsMismatch.code}: {WeightsMismatch.description()}"
    assert caplog.messages == [
        "the detector is unavailable, and every report will say so: detector.weights_mismatch: /srv/x.onnx is another file"
    ]
    assert report.verdict.exit_code is ExitCode.UNAVAILABLE


def test_the_unavailable_examiner_finds_nothing_and_does_not_say_so(parsers):
    gone = UnavailableExaminer("detector", "gone")
    report = check(Asset.from_bytes(encoded()), [gone], policy(), parsers=parsers, at=T0, max_pixels=10**6)
    assert report.examiners == ("detector",)
    assert report.verdict.exit_code is ExitCode.UNAVAILABLE


def test_a_check_refuses_by_the_header_alone(settings, parsers):
    examiners = build_examiners(settings, parsers, ["marks"])
    with pytest.raises(PixelsTooMany):
        check(Asset.from_bytes(encoded(size=(11, 10))), examiners, policy(), parsers=parsers, at=T0, max_pixels=109)
    with pytest.raises(AssetAnimated):
        check(Asset.from_bytes(animated()), examiners, policy(), parsers=parsers, at=T0, max_pixels=10**6)


def test_without_a_signer_there_is_no_stamper(settings):
    with pytest.raises(CredentialMissing, match="no signer is configured"):
        build_stamper(settings)


def test_the_development_signer_is_used_only_when_it_is_chosen(settings):
    create_development_credential(settings.home, now=datetime.now(UTC))
    with pytest.raises(CredentialMissing):
        build_stamper(settings)
    chosen = settings.model_copy(update={"signer_uri": "development:"})
    assert build_stamper(chosen).signer.credential.development


def test_without_a_model_there_is_no_generator(signing_settings):
    with pytest.raises(ModelUnusable, match="no model is configured"):
        build_generator(signing_settings, build_stamper(signing_settings))


def test_a_trust_file_that_is_none_is_refused(settings, tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    with pytest.raises(TrustStoreError):
        build_parsers(settings.model_copy(update={"trust_files": (bad,)}))


def test_versions_name_program_and_libraries(settings):
    assert set(versions(settings)) >= {"assay", "c2pa-python", "pillow", "onnxruntime"}
