"""`assay redact`, and the options of `assay stamp` that leave something out or ask something of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from tests.assets.pictures import encoded

SECRET = "zanzibar fox"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation and a picture of their own for every test."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.png").write_bytes(encoded("image/png").data)
    assert assay("keys", "init").exit_code == 0
    return tmp_path


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def stamped(*options: object) -> Path:
    result = assay("stamp", "in.png", "stamped.png", "--model", "m", "--prompt", SECRET, *options)
    assert result.exit_code == 0, result.output
    return Path("stamped.png")


def test_prompts_are_taken_out_and_the_image_still_declares_what_it_is() -> None:
    assert SECRET.encode() in stamped().read_bytes()
    result = assay("redact", "stamped.png", "redacted.png", "--prompts", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["path"] == "redacted.png"
    assert SECRET.encode() not in Path("redacted.png").read_bytes()
    check = assay("check", "redacted.png", "--examiners", "c2pa,marks", "--json")
    report = json.loads(check.stdout)
    assert (report["verdict"]["conclusion"], report["provenance"]["state"]) == ("declared_synthetic", "trusted")


def test_what_was_done_is_said() -> None:
    stamped()
    assert "redacted.png: redacted, " in assay("redact", "stamped.png", "redacted.png", "--prompts").output


def test_a_named_assertion_is_taken_out() -> None:
    stamped("--seed", "7")
    result = assay("redact", "stamped.png", "redacted.png", "--assertion", "org.assay.generation", "--reason", "trade-secret")
    assert result.exit_code == 0, result.output
    data = Path("redacted.png").read_bytes()
    assert b"c2pa.trade-secret.present" in data
    assert b"org.assay.weights" not in data


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("stamped.png", (), "amendment.refused: nothing is to be taken out"),
        ("stamped.png", ("--assertion", "c2pa.actions.v2"), "amendment.refused: c2pa.actions.v2 says how the image came about"),
        ("in.png", ("--prompts",), "amendment.refused: only an intact manifest can be redacted"),
    ],
)
def test_what_is_not_redacted_is_refused_in_one_line(source: str, options: tuple[str, ...], message: str) -> None:
    stamped()
    result = assay("redact", source, "out.png", *options)
    assert result.exit_code == 3
    assert result.stderr.startswith(message)
    assert len(result.stderr.splitlines()) == 1
    assert not Path("out.png").exists()


@pytest.mark.parametrize("policy", ["keyed", "omitted"])
def test_a_prompt_that_is_withheld_is_nowhere_in_the_file(policy: str) -> None:
    Path("prompt.key").write_bytes(b"k" * 32)
    assert SECRET.encode() not in stamped("--prompt-policy", policy, "--prompt-key", "prompt.key").read_bytes()


@pytest.mark.parametrize("key", [None, "short.key", "absent.key"])
def test_keyed_without_a_key_says_so(key: str | None) -> None:
    Path("short.key").write_bytes(b"k" * 31)
    options = () if key is None else ("--prompt-key", key)
    result = assay("stamp", "in.png", "out.png", "--prompt", SECRET, "--prompt-policy", "keyed", *options)
    assert (result.exit_code, Path("out.png").exists()) == (3, False)
    assert result.stderr.startswith("signing.credential_missing: the prompt ")


def test_a_wish_is_declared_in_both_places() -> None:
    data = stamped("--training-mining", "constrained", "--training-mining-terms", "https://example.org/terms").read_bytes()
    assert data.count(b"DMI-PROHIBITED-SEECONSTRAINT") == 1
    assert b"cawg.training-mining" in data
    assert data.count(b"https://example.org/terms") > 4


@pytest.mark.parametrize("options", [("--training-mining", "constrained"), ("--training-mining-terms", "ask us")])
def test_terms_without_constraint_and_constraint_without_terms_are_refused(options: tuple[str, ...]) -> None:
    result = assay("stamp", "in.png", "out.png", *options)
    assert result.exit_code == 3
    assert result.stderr.startswith("usage.invalid: training_mining_terms go with training_mining=constrained")
