"""The README's examples, run as they stand: every console line in a shell, every Python block in a fresh interpreter.

The service that a reader starts with `make serve` is started on a free port, and the README's address replaced by it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.service import running_service
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(console|python)\n(.*?)```", README, re.DOTALL)
COMMANDS = [line[2:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line.startswith("$ ")]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
SERVED = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files the README talks about."""
    folder = tmp_path_factory.mktemp("desk")
    rng = np.random.default_rng(0)

    def picture(size: int) -> Image.Image:
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)
        return Image.fromarray(np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8))

    picture(256).save(folder / "picture.png")
    picture(256).save(folder / "upload.jpg")
    for name in ("photographs", "generated"):
        (folder / name).mkdir()
        for index in range(2):
            picture(256).save(folder / name / f"{index}.jpg", quality=90)
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running service."""
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service.url


def environment(desk: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "ASSAY_HOME": str(desk / "home"), "PYTHONPATH": str(ROOT)}


def run(command: list[str], desk: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=desk, env=environment(desk), capture_output=True, text=True, timeout=240, check=False)


def test_the_readme_has_examples_for_all_three_users() -> None:
    assert any("stamped(load_pipeline" in program for program in PROGRAMS)
    assert any("/v1/checks" in command for command in COMMANDS)
    assert any(command.startswith("assay score") for command in COMMANDS)


def test_every_command_succeeds(desk: Path, served: str) -> None:
    for command in COMMANDS:
        if command.startswith(("make ", "export ")):
            continue  # `served` is what `make serve` starts, and the path is set for every command here
        done = run(["bash", "-ec", command.replace(SERVED, served)], desk)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        _, redirected, target = command.partition(" > ")
        printed = (desk / target.split()[0]).read_text() if redirected else done.stdout + done.stderr
        assert printed.strip(), f"{command} printed nothing"


def test_the_stamped_picture_is_a_finding(desk: Path) -> None:
    run(["assay", "keys", "init"], desk)
    run(["assay", "stamp", "picture.png", "finding.png", "--model", "example/model"], desk)
    assert run(["assay", "check", "finding.png"], desk).returncode == 1


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_every_program_runs(program: str, desk: Path) -> None:
    if "load_pipeline" in program and not (desk / "model").exists():
        from tests import tiny_pipelines

        tiny_pipelines.save(tiny_pipelines.sd15(), desk / "model")
    done = run([sys.executable, "-c", program], desk)
    assert done.returncode == 0, done.stderr
