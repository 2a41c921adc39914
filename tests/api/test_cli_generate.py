"""`assay generate` with a tiny random-weight model directory: the real diffusers code on the CPU."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.commands.generate import numbered

torch = pytest.importorskip("torch", reason="needs the extra generate")
pytest.importorskip("diffusers", reason="needs the extra generate")

SIZE = ("--steps", "2", "--width", "64", "--height", "64", "--device", "cpu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # four times faster on busy cores
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_pipelines import save, sd15

    return save(sd15(), tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    assert assay("keys", "init").exit_code == 0
    return tmp_path


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def checked(path: Path) -> dict[str, object]:
    return json.loads(assay("check", "--json", path, "--examiners", "c2pa,marks").stdout)  # type: ignore[no-any-return]


def test_one_image_leaves_stamped(folder: Path, model: Path) -> None:
    target = folder / "out.png"
    result = assay("generate", "a hill", target, "--model", model, "--seed", "5", *SIZE, "--json")
    assert result.exit_code == 0, result.output
    (row,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (row["path"], row["tier"]) == (str(target), "development")
    report = checked(target)
    assert report["asset"]["sha256"] == row["sha256"]
    assert report["verdict"]["conclusion"] == "declared_synthetic"
    assert report["provenance"]["tier"] == "development"


@pytest.mark.parametrize("kept", [True, False])
def test_a_prompt_that_is_dropped_is_nowhere_in_the_file(folder: Path, model: Path, kept: bool) -> None:
    said = ("generate", "zanzibar", folder / "out.png", "--negative-prompt", "ocelot", "--model", model, *SIZE)
    result = assay(*said, *(() if kept else ("--prompt-policy", "omitted")))
    assert result.exit_code == 0, result.output
    data = (folder / "out.png").read_bytes()
    assert [word in data for word in (b"zanzibar", b"ocelot", b"steps")] == [kept, kept, True]


def test_several_images_are_numbered_and_differ(folder: Path, model: Path) -> None:
    result = assay("generate", "a hill", folder / "out.jpg", "--model", model, "--count", "3", *SIZE)
    assert result.exit_code == 0, result.output
    images = sorted(path for path in folder.iterdir() if path.is_file())
    assert [path.name for path in images] == ["out-1.jpg", "out-2.jpg", "out-3.jpg"]
    reports = [checked(path) for path in images]
    assert {report["asset"]["media_type"] for report in reports} == {"image/jpeg"}
    assert len({report["asset"]["sha256"] for report in reports}) == 3


def test_a_directory_that_is_no_model_writes_nothing(folder: Path) -> None:
    result = assay("generate", "a hill", folder / "out.png", "--model", folder, *SIZE)
    assert result.exit_code == 3
    assert result.stderr.startswith("pipeline.model_unusable: ")
    assert not (folder / "out.png").exists()


def test_weights_that_were_cut_short_write_nothing(folder: Path, model: Path) -> None:
    import shutil

    copy = shutil.copytree(model, folder / "copy")
    weights = next(copy.glob("unet/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    result = assay("generate", "a hill", folder / "out.png", "--model", copy, *SIZE)
    assert result.exit_code == 3
    assert result.stderr.startswith("pipeline.model_unusable: ")
    assert not (folder / "out.png").exists()


def test_without_a_credential_nothing_is_generated(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(folder / "another"))
    result = assay("generate", "a hill", folder / "out.png", "--model", model, *SIZE)
    assert result.exit_code == 3
    assert result.stderr.startswith("signing.credential_missing: ")
    assert not (folder / "out.png").exists()


def test_numbers_sort() -> None:
    names = [path.name for path in numbered(Path("out.png"), 12)]
    assert names == sorted(names)
    assert (names[0], names[-1]) == ("out-01.png", "out-12.png")
