"""`assay derive`, and `assay stamp` and `assay check` on sounds and films."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from provenance.asset import TIMED_MEDIA_TYPES, Asset
from provenance.generation import GenerationMode
from provenance.keys import create_development_credential, signer_from_uri
from provenance.pixels import decode
from provenance.stamp import Stamper
from tests.assets.attacks import RECORD, flipped, pixel_flipped
from tests.assets.pictures import encoded, picture
from tests.assets.sounds_and_films import encoded_timed

QUICK = ("--examiners", "c2pa,marks")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a credential, and files to work on: every command that is not needed is a second saved."""
    folder = tmp_path_factory.mktemp("derive")
    create_development_credential(folder / "home", now=datetime.now(UTC))
    stamper = Stamper(signer_from_uri("development:", home=folder / "home"))
    stamped = stamper.stamp(picture(), RECORD).data
    sound = stamper.stamp_asset(encoded_timed("audio/wav"), replace(RECORD, mode=GenerationMode.TEXT_TO_AUDIO)).data
    files = {
        "stamped.png": stamped,
        "altered.png": pixel_flipped(stamped),
        "there.png": stamped,
        "cut.png": encoded("image/jpeg").data[:-300],
        "sound.wav": sound,
        "altered.wav": flipped(sound, 200),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def _installation(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_derivative_says_what_it_is_and_whence() -> None:
    source = Path("stamped.png")
    result = assay("derive", source, "small.webp", "--width", "32", "--json")
    assert result.exit_code == 0, result.output
    asset = Asset.from_bytes(Path("small.webp").read_bytes())
    assert json.loads(result.stdout) == {
        "path": "small.webp",
        "sha256": asset.sha256,
        "media_type": "image/webp",
        "bytes": len(asset.data),
        "parent_sha256": Asset.from_bytes(source.read_bytes()).sha256,
        "tier": "development",
    }
    assert decode(asset).shape == (24, 32, 3)
    checked = assay("check", "small.webp", "--json", *QUICK)
    report = json.loads(checked.stdout)
    assert (checked.exit_code, report["verdict"]["conclusion"]) == (1, "declared_synthetic")


def test_a_name_without_suffix_keeps_the_format_and_a_thumbnail_is_a_jpeg() -> None:
    source = "stamped.png"
    assert assay("derive", source, "same", "--height", "10").exit_code == 0
    assert assay("derive", source, "thumbnail", "--thumbnail").exit_code == 0
    assert assay("derive", source, "thumbnail.png", "--thumbnail").exit_code == 0
    found = [Asset.from_bytes(Path(name).read_bytes()).media_type for name in ("same", "thumbnail", "thumbnail.png")]
    assert found == ["image/png", "image/jpeg", "image/png"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("stamped.png", "out.mp4"), "derivation.invalid"),
        (("stamped.png", "out.gif"), "derivation.invalid"),
        (("stamped.png", "out.xyz"), "usage.invalid"),
        (("stamped.png", "out.png", "--width", "0"), "derivation.invalid"),
        (("stamped.png", "out.png", "--enlarge"), "derivation.invalid"),
        (("stamped.png", "stamped.png", "--force"), "usage.invalid"),
        (("stamped.png", "there.png"), "storage.output_exists"),
        (("nothing.png", "out.png"), "asset.missing"),
        (("altered.png", "out.png"), "record.invalid"),
        (("cut.png", "out.png"), "asset.unreadable"),
        (("sound.wav", "out.png"), "asset.unsupported"),
        (("stamped.png", "out.png", "--signer", "file:nowhere"), "signing.credential_missing"),
    ],
)
def test_a_refusal_has_a_code_and_writes_nothing(arguments: tuple[str, ...], code: str) -> None:
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    result = assay("derive", *arguments, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (3, code)
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


@pytest.mark.parametrize("media_type", ["audio/wav", "video/mp4"])
def test_a_sound_or_film_is_stamped_and_checked(media_type: str) -> None:
    suffix = TIMED_MEDIA_TYPES[media_type]
    source, target = Path(f"in{suffix}"), Path(f"out{suffix}")
    source.write_bytes(encoded_timed(media_type).data)
    result = assay("stamp", source, target, "--model", "a model")
    assert result.exit_code == 0, result.output
    checked = assay("check", target, source, "--json", *QUICK)
    found = [json.loads(line)["verdict"]["conclusion"] for line in checked.stdout.splitlines()]
    assert (checked.exit_code, found) == (1, ["declared_synthetic", "inconclusive"])


def test_an_altered_sound_is_found() -> None:
    checked = assay("check", "altered.wav", "--json", *QUICK)
    assert (checked.exit_code, json.loads(checked.stdout)["verdict"]["conclusion"]) == (1, "altered")


def test_a_sound_is_not_scored() -> None:
    result = assay("score", "sound.wav", "--json")
    (row,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, row["abstained"], row["llr"]) == (0, True, None)
    assert row["reason"].startswith("no_pixels")
