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
