"""What every test may use: where the shared material lies, if it is here at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `tests.fakes` and `benchmarks` import under --import-mode=importlib
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material; a test that asks for it is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared material in ../shared, which is not here")
    return SHARED


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of SoftHSM's tokens, and its library: one of each in a process. Skips where SoftHSM is missing."""
    from tests.softhsm import start_softhsm

    folder = tmp_path_factory.mktemp("softhsm")
    return folder, start_softhsm(folder)
