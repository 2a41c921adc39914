"""`assay keys`, and stamping with a key that is not in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from tests.api.conftest import encoded
from tests.assets.chains import TIME_STAMPING, Chain, chain
from tests.credential_files import written
from tests.softhsm import new_token


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own for every test."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ASSAY_SIGNER_URI", raising=False)
    return tmp_path / "home"


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def only(result: Result) -> dict[str, Any]:
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_prove_says_who_signs_until_when_and_who_trusts_it() -> None:
    assert assay("keys", "init", "--days", 30).exit_code == 0
    result = assay("keys", "prove", "--json")
    assert result.exit_code == 0
    row = only(result)
    assert (row["signer"], row["algorithm"], row["tier"], row["expired"]) == ("development:", "es256", "development", False)
    assert row["days_left"] == 29
    said = assay("keys", "prove").stderr.splitlines()
    assert said[0].startswith("proved: CN=Development signer")
    assert said[0].endswith("ends in 29 days")
    assert said[1] == "its issuer is on a trust list here, tier development"


def test_a_sound_credential_nobody_here_trusts_is_proved_all_the_same(tmp_path: Path) -> None:
    uri = written(tmp_path / "keys", chain())
    assert only(assay("keys", "prove", "--signer", uri, "--json"))["tier"] is None
    assert "unknown signer" in assay("keys", "prove", "--signer", uri).stderr


def test_spoilt_trust_lists_disprove_no_signer(tmp_path: Path, home: Path) -> None:
    uri = written(tmp_path / "keys", chain())
    (home / "trust" / "signers").mkdir(parents=True)
    (home / "trust" / "signers" / "spoilt.pem").write_text("spoilt")
    result = assay("keys", "prove", "--signer", uri)
    assert result.exit_code == 0
    assert result.stderr.startswith("proved: ")
    assert "cannot be told: trust list spoilt" in result.stderr


@pytest.mark.parametrize(
    ("of", "code"),
    [(chain(usages=(TIME_STAMPING,)), "signing.credential_usage"), (None, "signing.credential_missing")],
    ids=["usage", "missing"],
)
def test_what_cannot_be_proved_is_an_error_with_its_code(of: Chain | None, code: str, tmp_path: Path) -> None:
    uri = f"file:{tmp_path}/keys" if of is None else written(tmp_path / "keys", of)
    result = assay("keys", "prove", "--signer", uri, "--json")
    assert result.exit_code == 3
    assert only(result)["error"]["code"] == code


def test_rotate_keeps_what_the_old_one_stamped_readable(tmp_path: Path, home: Path) -> None:
    (tmp_path / "in.png").write_bytes(encoded())
    assert assay("keys", "init").exit_code == 0
    first = only(assay("keys", "list", "--json"))
    assert assay("stamp", tmp_path / "in.png", tmp_path / "old.png").exit_code == 0
    result = assay("keys", "rotate", "--days", 7, "--json")
    assert result.exit_code == 0
    assert only(result)["days_left"] == 6
    assert only(assay("keys", "list", "--json"))["not_after"] != first["not_after"]
    assert assay("stamp", tmp_path / "in.png", tmp_path / "new.png").exit_code == 0
    checked = assay("check", tmp_path / "old.png", tmp_path / "new.png", "--json", "--examiners", "c2pa,marks")
    reports = [json.loads(line) for line in checked.stdout.splitlines()]
    assert [(r["verdict"]["conclusion"], r["provenance"]["tier"]) for r in reports] == [
        ("declared_synthetic", "development")
    ] * 2
    assert assay("keys", "rotate").stderr.endswith(
        f"the authority of the one before is kept in {home}/keys/development/retired\n"
    )


def test_there_must_be_one_to_rotate() -> None:
    result = assay("keys", "rotate", "--json")
    assert (result.exit_code, only(result)["error"]["code"]) == (3, "signing.credential_missing")


def test_a_key_on_a_token_signs_images_and_its_pin_is_not_shown(
    softhsm: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = chain()
    (tmp_path / "root.pem").write_bytes(of.root_pem)
    (tmp_path / "in.png").write_bytes(encoded())
    token = new_token(*softhsm, "cli")
    token.put(of, "signer")
    uri = token.uri("signer")
    monkeypatch.setenv("ASSAY_SIGNER_URI", uri)
    listed = only(assay("keys", "list", "--json"))
    assert listed["signer"] == uri.replace("2718-28", "***")
    proved = assay("keys", "prove")
    assert proved.exit_code == 0
    assert "2718-28" not in proved.output
    assert assay("stamp", tmp_path / "in.png", tmp_path / "out.png").exit_code == 0
    checked = assay("check", tmp_path / "out.png", "--json", "--examiners", "c2pa,marks", "--trust", tmp_path / "root.pem")
    report = json.loads(checked.stdout)
    assert (report["verdict"]["conclusion"], report["provenance"]["state"]) == ("declared_synthetic", "trusted")
