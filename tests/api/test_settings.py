from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import Settings


@pytest.mark.parametrize(
    ("host", "open_checks", "expected"),
    [
        ("127.0.0.1", None, True),
        ("127.8.8.8", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("::", None, False),
        ("192.168.0.2", None, False),
        ("example.org", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
def test_checking_is_open_on_loopback_only_unless_said_otherwise(host, open_checks, expected):
    assert Settings(host=host, open_checks=open_checks).checks_are_open is expected


def test_there_is_no_signer_by_default(monkeypatch):
    monkeypatch.delenv("ASSAY_SIGNER_URI", raising=False)
    assert Settings().signer_uri is None


@pytest.mark.parametrize(
    "values",
    [{"port": 70000}, {"lease_s": 0}, {"max_asset_bytes": 0}, {"worker_threads": 0}, {"quick_answer_s": float("nan")}],
)
def test_a_value_out_of_range_is_refused(values):
    with pytest.raises(ValueError, match="validation error"):
        Settings(**values)


def test_the_home_is_expanded():
    assert Settings(home="~/x").home == Path.home() / "x"


def test_settings_come_from_the_environment_and_are_frozen(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.setenv("ASSAY_MAX_ASSET_BYTES", "1000")
    monkeypatch.setenv("ASSAY_EXAMINERS", '["c2pa"]')
    settings = Settings()
    assert (settings.home, settings.max_asset_bytes, settings.examiners) == (tmp_path, 1000, ("c2pa",))
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
