from __future__ import annotations

from pathlib import Path

import pytest

from tests.softhsm import Token, new_token


@pytest.fixture(scope="session")
def token(softhsm: tuple[Path, Path]) -> Token:
    """A token that tests put keys on."""
    return new_token(*softhsm, "assay")
