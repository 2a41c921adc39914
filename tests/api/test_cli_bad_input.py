"""Bad input through the command line: each a clear coded error, nothing half-written, the other files still answered."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from api.cli import app
from provenance.asset import Asset
from provenance.keys import Algorithm
from provenance.pixels import decode
from tests.api.small_detector import write_small_detector
from tests.assets.chains import NOW, SERVER_AUTHENTICATION, chain, key_pem, new_key
from tests.assets.pictures import HEIGHT, WIDTH, animated, encoded, picture, png_announcing, saved

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--examiners", "c2pa,marks")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAY_MAX_ASSET_BYTES", "100000")
    monkeypatch.setenv("ASSAY_MAX_ASSET_PIXELS", "1000000")
    assert assay("keys", "init").exit_code == 0
    return tmp_path / "home"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_small_detector(tmp_path / "detector")


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("x.png", b"", "asset.empty"),
    "a PDF called .png": ("x.png", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "asset.unsupported"),
    "text called .jpg": ("x.jpg", b"hello", "asset.unsupported"),
    "HTML": ("x.html", b"<!doctype html><html></html>", "asset.unsupported"),
    "SVG": ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "asset.unsupported"),
    "a ZIP called .webp": ("x.webp", b"PK\x03\x04" + bytes(40), "asset.unsupported"),
    "a raw photograph called .heic": ("x.heic", b"\x00\x00\x00\x18ftypcrx " + bytes(40), "asset.unsupported"),
    "too many bytes": ("x.png", encoded().data + bytes(100_000), "asset.too_large"),
    "too many pixels": ("x.png", png_announcing(2000, 2000), "asset.too_many_pixels"),
    "a decompression bomb": ("x.png", png_announcing(100_000, 100_000), "asset.too_many_pixels"),
    "an animated PNG": ("x.png", animated("PNG"), "asset.animated"),
    "an animated GIF": ("x.gif", animated("GIF"), "asset.animated"),
    "an animated WebP": ("x.webp", animated("WEBP"), "asset.animated"),
    "a PNG's first bytes": ("x.png", encoded().data[:8], "asset.unreadable"),
    "a JPEG's first bytes": ("x.jpg", encoded("image/jpeg").data[:20], "asset.unreadable"),
    "noise after a PNG's first bytes": ("x.png", encoded().data[:8] + bytes(range(256)), "asset.unreadable"),
}

TRUNCATED = {
    media_type: cut(encoded(media_type).data)
    for media_type in ("image/png", "image/jpeg", "image/webp", "image/tiff", "image/avif", "image/heic")
}


def commands(path: Path, card: Path) -> list[tuple[object, ...]]:
    """Every command that takes an image."""
    target = path.parent / "out.png"
    good = path.parent / "good.png"
    good.write_bytes(encoded().data)
    return [
        ("check", path, *QUICK),
        ("score", path, "--card", card),
        ("stamp", path, target),
        ("stamp", good, target, "--parent", path),
    ]


def assert_refused(path: Path, card: Path, code: str) -> None:
    """Every command says `code` on stderr, and as JSON, ends with 3 and writes nothing."""
    for arguments in commands(path, card):
        before = sorted(path.parent.iterdir())
        result = assay(*arguments)
        assert result.exit_code == 3, (arguments, result.output)
        assert f"{code}: " in result.stderr, (arguments, result.output)
        assert "Traceback" not in result.stderr
        assert result.stdout == ""
        as_json = assay(*arguments, "--json")
        (line,) = as_json.stdout.splitlines()
        assert json.loads(line)["error"]["code"] == code
        assert as_json.exit_code == 3
        assert sorted(path.parent.iterdir()) == before, "something was left behind"


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file(tmp_path: Path, card: Path, name: str) -> None:
    file, data, code = BAD_FILES[name]
    path = tmp_path / file
    path.write_bytes(data)
    assert_refused(path, card, code)


def test_a_path_that_does_not_exist(tmp_path: Path, card: Path) -> None:
    assert_refused(tmp_path / "missing.png", card, "asset.missing")


def test_a_path_below_a_file(tmp_path: Path, card: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    result = assay("check", tmp_path / "file" / "x.png", *QUICK)
    assert (result.exit_code, "asset.missing" in result.stderr) == (3, True)


def test_a_directory(tmp_path: Path, card: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    assert_refused(tmp_path / "folder.png", card, "asset.missing")


def test_a_pipe_nobody_writes_to_does_not_hang(tmp_path: Path, card: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert_refused(tmp_path / "pipe.png", card, "asset.missing")


def test_a_device_is_not_read_for_ever(card: Path) -> None:
    result = assay("check", "/dev/zero", *QUICK)
    assert (result.exit_code, "asset.missing" in result.stderr) == (3, True)


def test_a_dangling_link(tmp_path: Path, card: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "nothing")
    assert_refused(tmp_path / "link.png", card, "asset.missing")


def test_a_file_that_may_not_be_read(tmp_path: Path, card: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(encoded().data)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("whoever runs the tests may read every file")
    assert_refused(path, card, "asset.unreadable")


@pytest.mark.parametrize("media_type", TRUNCATED)
def test_a_truncated_image_is_neither_stamped_nor_scored(tmp_path: Path, card: Path, media_type: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(TRUNCATED[media_type])
    for arguments in (("stamp", path, tmp_path / "out"), ("score", path, "--card", card)):
        result = assay(*arguments)
        assert result.exit_code == 3
        assert "asset.unreadable: " in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("media_type", TRUNCATED)
def test_checking_a_truncated_image_never_ends_well(tmp_path: Path, media_type: str) -> None:
    """Either the header is beyond reading, or whoever needs pixels says that there are none."""
    path = tmp_path / "x"
    path.write_bytes(TRUNCATED[media_type])
    result = assay("check", "--json", path, "--examiners", "c2pa,marks,detector")
    (line,) = result.stdout.splitlines()
    document = json.loads(line)
    assert result.exit_code in (2, 3)
    if result.exit_code == 3:
        assert document["error"]["code"] == "asset.unreadable"
    else:
        assert document["verdict"]["conclusion"] == "inconclusive"
        assert document["detection"]["reason"].startswith("asset.unreadable: ")
        assert "unavailable: asset.unreadable: " in assay("check", path, "--examiners", "c2pa,marks,detector").stdout


ODD_BUT_FINE: dict[str, Callable[[], bytes]] = {
    "16-bit grey PNG": lambda: saved(Image.fromarray(picture()[:, :, 0].astype(np.uint16) * 257), "PNG"),
    "CMYK JPEG": lambda: saved(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
    "palette PNG": lambda: saved(Image.fromarray(picture()).convert("P"), "PNG"),
    "grey and alpha PNG": lambda: saved(Image.fromarray(picture()).convert("LA"), "PNG"),
    "RGBA PNG": lambda: saved(Image.fromarray(picture()).convert("RGBA"), "PNG"),
    "bilevel PNG": lambda: saved(Image.fromarray(picture()).convert("1"), "PNG"),
    "EXIF-rotated JPEG": lambda: saved(Image.fromarray(picture()), "JPEG", exif=_rotated()),
    "progressive JPEG": lambda: saved(Image.fromarray(picture()), "JPEG", progressive=True),
}


def _rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    return exif


@pytest.mark.parametrize("name", ODD_BUT_FINE)
def test_an_odd_image_is_stamped_checked_and_scored(tmp_path: Path, card: Path, name: str) -> None:
    path, target = tmp_path / "x", tmp_path / "out"
    path.write_bytes(ODD_BUT_FINE[name]())
    assert assay("stamp", path, target).exit_code == 0
    before, after = (decode(Asset.from_bytes(p.read_bytes())) for p in (path, target))
    assert (before == after).all()
    assert before.shape == ((WIDTH, HEIGHT, 3) if "rotated" in name else (HEIGHT, WIDTH, 3))
    result = assay("check", "--json", target, *QUICK)
    assert json.loads(result.stdout)["verdict"]["conclusion"] == "declared_synthetic"
    scored = json.loads(assay("score", "--json", path, "--card", card).stdout)
    assert isinstance(scored["llr"], float)


def test_a_renamed_image_is_what_its_bytes_say(tmp_path: Path) -> None:
    path = tmp_path / "really-a-jpeg.png"
    path.write_bytes(encoded("image/jpeg").data)
    document = json.loads(assay("check", "--json", path, *QUICK).stdout)
    assert document["asset"]["media_type"] == "image/jpeg"
    result = assay("stamp", path, tmp_path / "out.png")
    assert (result.exit_code, "usage.invalid" in result.stderr) == (3, True)
    assert assay("stamp", path, tmp_path / "out.jpg").exit_code == 0


@pytest.mark.parametrize("name", ["x.gif"])
def test_a_format_that_carries_no_stamp(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encoded("image/gif").data)
    result = assay("stamp", tmp_path / name, tmp_path / "out.gif")
    assert (result.exit_code, "asset.unsupported" in result.stderr) == (3, True)
    assert not (tmp_path / "out.gif").exists()


# --- outputs


def test_stamping_an_image_over_itself_is_refused_even_with_force(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(encoded().data)
    (tmp_path / "link.png").symlink_to(path)
    for target in (path, tmp_path / "link.png", tmp_path / "." / "x.png"):
        result = assay("stamp", path, target, "--force")
        assert (result.exit_code, "usage.invalid" in result.stderr) == (3, True)
    assert path.read_bytes() == encoded().data


def test_an_output_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(encoded().data)
    result = assay("stamp", tmp_path / "x.png", tmp_path / "no" / "out.png")
    assert (result.exit_code, "storage.failed" in result.stderr) == (3, True)


def test_an_output_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(encoded().data)
    (tmp_path / "out.png").mkdir()
    result = assay("stamp", tmp_path / "x.png", tmp_path / "out.png", "--force")
    assert (result.exit_code, "storage.output_exists" in result.stderr) == (3, True)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "x.png").write_bytes(encoded().data)
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    result = assay("stamp", tmp_path / "x.png", tmp_path / "out.png", "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["code"]) == (3, "storage.failed")
    assert "No space left" in error["message"]
    assert sorted(tmp_path.iterdir()) == before


def test_a_write_that_the_system_cuts_short_leaves_nothing(tmp_path: Path) -> None:
    """A real process that may write 1000 bytes to a file and not one more."""
    (tmp_path / "x.png").write_bytes(encoded().data)
    (tmp_path / "out.png").write_bytes(b"what was there before")
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "stamp", tmp_path / "x.png", tmp_path / "out.png", "--force"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert done.returncode == 3
    assert done.stderr.startswith("storage.failed: "), done.stderr
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "out.png").read_bytes() == b"what was there before"


def test_a_disk_that_is_really_full(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, small_disk: list[str], home: Path
) -> None:
    """`tmp_path` is a disk of one megabyte inside the namespace, filled up before the stamp is to be written to it."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.png").write_bytes(encoded().data)
    shutil.copytree(home, outside / "home")
    script = f"""
        cat /dev/zero > {tmp_path}/filler 2>/dev/null
        {sys.executable} -m api.cli stamp {outside}/x.png {tmp_path}/out.png; echo "exit $?"
        ls -A {tmp_path}
    """
    environment = {**os.environ, "ASSAY_HOME": str(outside / "home")}
    done = subprocess.run(
        [*small_disk, "sh", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split("\n") == ["exit 3", "filler", ""]
    assert done.stderr.startswith("storage.failed: could not write "), done.stderr
    assert "No space left on device" in done.stderr


def test_keys_in_a_home_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "file" / "home"))
    result = assay("keys", "init", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"]["code"] == "storage.failed"


# --- credentials


def test_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "another"))
    (tmp_path / "x.png").write_bytes(encoded().data)
    result = assay("stamp", tmp_path / "x.png", tmp_path / "out.png")
    assert result.exit_code == 3
    assert result.stderr.startswith("signing.credential_missing: ")
    assert "assay keys init" in result.stderr
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("file:/no/such/folder", "signing.credential_missing"),
        ("nonsense", "signing.credential_invalid"),
        ("file:{home}/keys/development", "signing.credential_invalid"),
        ("file:{old}", "signing.credential_expired"),
        ("file:{early}", "signing.credential_not_yet_valid"),
        ("file:{server}", "signing.credential_usage"),
        ("file:{mixed}", "signing.credential_mismatch"),
        ("file:{broken}", "signing.credential_invalid"),
    ],
)
def test_a_signer_that_cannot_sign(tmp_path: Path, home: Path, uri: str, code: str) -> None:
    folders = {
        "old": chain(start=NOW - timedelta(days=20), end=NOW - timedelta(days=10)),
        "early": chain(start=NOW + timedelta(days=1), end=NOW + timedelta(days=2)),
        "server": chain(usages=(SERVER_AUTHENTICATION,)),
        "mixed": chain(),
        "broken": chain(),
    }
    for name, made in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "chain.pem").write_bytes(made.pem)
        (tmp_path / name / "key.pem").write_bytes(made.key_pem)
    (tmp_path / "mixed" / "key.pem").write_bytes(key_pem(new_key(Algorithm.ES256)))
    (tmp_path / "broken" / "key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (tmp_path / "x.png").write_bytes(encoded().data)
    named = uri.format(home=home, **{name: tmp_path / name for name in folders})
    result = assay("stamp", tmp_path / "x.png", tmp_path / "out.png", "--signer", named)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"{code}: "), result.output
    assert not (tmp_path / "out.png").exists()
    assert assay("check", "--json", "--sign-report", tmp_path / "x.png", "--signer", named, *QUICK).exit_code == 3


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_trust_anchors_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anchors.pem").write_bytes(content)
    (tmp_path / "x.png").write_bytes(encoded().data)
    result = assay("check", tmp_path / "x.png", "--trust", tmp_path / "anchors.pem", *QUICK)
    assert result.exit_code == 3
    assert result.stderr.startswith("trust.unusable: ")


# --- detector


def test_weights_that_are_missing(tmp_path: Path, card: Path) -> None:
    (card.parent / "weights.onnx").unlink()
    assert_score_refused(tmp_path, card, "detector.weights_unreadable")


def test_weights_that_are_a_directory(tmp_path: Path, card: Path) -> None:
    (card.parent / "weights.onnx").unlink()
    (card.parent / "weights.onnx").mkdir()
    assert_score_refused(tmp_path, card, "detector.weights_unreadable")


def test_weights_that_were_changed(tmp_path: Path, card: Path) -> None:
    with (card.parent / "weights.onnx").open("ab") as file:
        file.write(b"x")
    assert_score_refused(tmp_path, card, "detector.weights_mismatch")


def test_weights_that_are_no_model(tmp_path: Path) -> None:
    garbage = b"not a model"
    model = {"file": "weights.onnx", "sha256": hashlib.sha256(garbage).hexdigest(), "architecture": "none"}
    card = write_small_detector(tmp_path / "other", model=model)
    (card.parent / "weights.onnx").write_bytes(garbage)
    assert_score_refused(tmp_path, card, "detector.weights_unreadable")


@pytest.mark.parametrize("arguments", [("--card", "nobody"), ("--engine", "nonsense"), ("--card", "/no/such/card.json")])
def test_a_detector_that_does_not_exist(tmp_path: Path, card: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "x.png").write_bytes(encoded().data)
    chosen = arguments if "--card" in arguments else ("--card", str(card), *arguments)
    result = assay("score", "--json", tmp_path / "x.png", *chosen)
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"]["code"] == "detector.failed"


def test_an_image_too_small_to_judge_is_an_abstention(tmp_path: Path, card: Path) -> None:
    (tmp_path / "x.png").write_bytes(saved(Image.fromarray(picture(20, 20)), "PNG"))
    result = assay("score", "--json", tmp_path / "x.png", "--card", card)
    row = json.loads(result.stdout)
    assert (result.exit_code, row["abstained"], row["llr"], row["flagged"]) == (0, True, None, None)
    assert row["reason"].startswith("too_small: ")


def assert_score_refused(folder: Path, card: Path, code: str) -> None:
    (folder / "x.png").write_bytes(encoded().data)
    result = assay("score", folder / "x.png", "--card", card)
    assert result.exit_code == 3
    assert f"{code}: " in result.stderr
    row = json.loads(assay("score", "--json", folder / "x.png", "--card", card).stdout)
    assert row["error"]["code"] == code
    assert row["path"] == str(folder / "x.png")


# --- URLs


def test_a_url_needs_to_be_allowed() -> None:
    result = assay("check", "http://example.test/x.png", *QUICK)
    assert (result.exit_code, "fetch.refused" in result.stderr) == (3, True)
    assert "--allow-url" in result.stderr


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x.png", "http://[::1]/x.png", "http://2130706433/", "http://u:p@example.test/"]
)
def test_an_allowed_url_still_leads_nowhere_inside(url: str) -> None:
    result = assay("check", "--json", url, "--allow-url", *QUICK)
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"path": url, "error": json.loads(result.stdout)["error"]}
    assert json.loads(result.stdout)["error"]["code"] == "fetch.refused"


# --- generate


def test_generate_without_a_model(tmp_path: Path) -> None:
    result = assay("generate", "a hill", tmp_path / "out.png")
    assert (result.exit_code, "pipeline.model_unusable" in result.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("a hill", "out.txt"), "usage.invalid"),
        (("a hill", "out"), "usage.invalid"),
        (("", "out.png"), "pipeline.request_invalid"),
        (("a hill", "out.png", "--steps", "0"), "pipeline.request_invalid"),
        (("a hill", "out.png", "--count", "0"), "pipeline.request_invalid"),
        (("a hill", "out.png", "--width", "13"), "pipeline.request_invalid"),
        (("a hill", "there.png"), "storage.output_exists"),
        (("a hill", "there.png", "--count", "2", "--image", "missing.png"), "asset.missing"),
        (("a hill", "out.png", "--device", "abacus"), "usage.invalid"),
    ],
    ids=str,
)
def test_generate_refuses_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.png").write_bytes(b"x")
    result = assay("generate", *arguments, "--model", tmp_path / "no-model")
    assert result.exit_code == 3
    assert result.stderr.startswith(f"{code}: "), result.output
