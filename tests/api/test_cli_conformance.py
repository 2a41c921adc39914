from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli import app
from tests.assets import attacks
from tests.assets.attacks import signed
from tests.assets.authorities import timestamping_authority
from tests.assets.chains import NOW, sound_chain
from tests.assets.claims import EXPIRED, StampedAt, detached, expired_chain, old_root, signed_with
from tests.assets.pictures import encoded


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Exit code, crJSON and our own findings."""
    with pytest.raises(SystemExit) as ended:
        app(["conformance", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), json.loads(out), json.loads(err.splitlines()[-1])


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def results(document: dict[str, Any], outcome: str) -> set[str]:
    return {entry["code"] for entry in document["manifests"][0]["validationResults"][outcome]}


def test_crjson_of_a_trusted_asset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = written(tmp_path, "roots.pem", sound_chain().root_pem)
    code, document, findings = run(capsys, written(tmp_path, "a.png", signed().data), "--trust-list", roots)
    assert code == 1  # declared synthetic
    assert results(document, "success") >= {"signingCredential.trusted", "claimSignature.validated", "assertion.dataHash.match"}
    assert results(document, "failure") == set()
    assert (findings["state"], findings["tier"], findings["extent"]) == ("trusted", "current", "full")
    assert not [
        e for key in ("success", "informational", "failure") for e in results(document, key) if e.startswith("manifest.")
    ]


def test_without_lists_nobody_is_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, findings = run(capsys, written(tmp_path, "a.png", signed().data))
    assert results(document, "failure") == {"signingCredential.untrusted"}
    assert findings["state"] == "unknown_signer"


def test_an_altered_asset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = written(tmp_path, "roots.pem", sound_chain().root_pem)
    altered = written(tmp_path, "a.png", attacks.pixel_flipped(signed().data))
    code, document, findings = run(capsys, altered, "--trust-list", roots)
    assert (code, findings["conclusion"]) == (1, "altered")
    assert results(document, "failure") == {"assertion.dataHash.mismatch"}


@pytest.mark.parametrize(
    ("at", "failures"),
    [
        (EXPIRED + timedelta(days=1), set()),
        (NOW, {"signingCredential.expired", "claimSignature.outsideValidity"}),
    ],
)
def test_the_time_asked_about(at: Any, failures: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = written(tmp_path, "roots.pem", old_root().pem)
    asset = written(tmp_path, "a.png", signed_with(expired_chain()).data)
    _, document, _ = run(capsys, asset, "--trust-list", roots, "--time", at.isoformat())
    assert results(document, "failure") == failures
    assert document["manifests"][0]["validationResults"]["validationTime"] == at.isoformat()


def test_the_list_of_stamping_authorities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, tsa = expired_chain(), timestamping_authority()
    asset = written(tmp_path, "a.png", signed_with(made, timestamps=StampedAt(tsa, EXPIRED + timedelta(days=1))).data)
    roots, stampers = written(tmp_path, "roots.pem", old_root().pem), written(tmp_path, "tsa.pem", tsa.root_pem)
    _, _, findings = run(capsys, asset, "--trust-list", roots, "--tsa-list", stampers)
    assert findings["state"] == "trusted"
    _, _, findings = run(capsys, asset, "--trust-list", roots)
    assert findings["state"] == "invalid"


def test_a_sidecar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asset, store = detached()
    path, beside = written(tmp_path, "a.png", asset.data), written(tmp_path, "a.c2pa", store)
    roots = written(tmp_path, "roots.pem", sound_chain().root_pem)
    assert run(capsys, path, "--trust-list", roots, "--sidecar", beside)[2]["state"] == "trusted"
    code, document, findings = run(capsys, path, "--trust-list", roots)
    assert (code, document, findings["state"]) == (0, {"manifests": []}, "absent")


def test_what_only_we_find_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, store = detached()
    path, beside = written(tmp_path, "a.png", signed().data), written(tmp_path, "a.c2pa", store)
    _, _, findings = run(capsys, path, "--sidecar", beside)
    assert "manifest.duplicate_store" in {finding["code"] for finding in findings["findings"]}


@pytest.mark.parametrize("time", ["yesterday", "2026-08-05T00:00:00"])
def test_a_time_that_is_none_is_an_error(time: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["conformance", str(written(tmp_path, "a.png", encoded().data)), "--time", time])
    assert ended.value.code == 3
    assert "usage.invalid" in capsys.readouterr().err


def test_a_list_that_is_none_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "a.png", encoded().data)
    with pytest.raises(SystemExit) as ended:
        app(["conformance", str(path), "--trust-list", str(path)])
    assert ended.value.code == 3
    assert "trust.unusable" in capsys.readouterr().err
