"""A running service and its signing credential: refused with a reason, put right and replaced without a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api.auth import Scope
from api.main import create_app
from api.settings import Settings
from provenance.keys import rotate_development_credential
from tests.api.conftest import encoded, key_for
from tests.assets.chains import NOW, TIME_STAMPING, chain
from tests.credential_files import put_in_place

RECORD = json.dumps({"model": "m"}).encode()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def stamped(client: TestClient) -> httpx.Response:
    return client.post("/v1/stamps", files={"file": encoded(), "record": RECORD}, headers=key_for(client, Scope.STAMP))


def signer_state(client: TestClient) -> str:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    return str(answer.json()["checks"]["signer"])


def metric(client: TestClient, name: str) -> float | None:
    values = [line.split()[1] for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else None


@pytest.fixture
def file_settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"signer_uri": f"file:{tmp_path}/keys", "credential_check_interval_s": 0.1})


def test_a_credential_that_fails_its_proof_costs_the_stamps_until_it_is_put_right(
    file_settings: Settings, tmp_path: Path
) -> None:
    put_in_place(tmp_path / "keys", chain(usages=(TIME_STAMPING,)))
    with TestClient(create_app(file_settings), raise_server_exceptions=False) as client:
        assert signer_state(client) == "unavailable: signing.credential_usage"
        assert metric(client, "assay_credential_usable") == 0
        assert metric(client, "assay_credential_expires_seconds") is None
        answer = stamped(client)
        assert (answer.status_code, answer.json()["code"]) == (503, "signing.credential_usage")
        assert str(tmp_path) not in answer.text
        assert client.get("/v1/credentials").json()["code"] == "signing.credential_usage"
        assert client.post("/v1/checks", files={"file": encoded()}).status_code == 200
        put_in_place(tmp_path / "keys", chain(end=NOW + timedelta(days=29)))
        until(lambda: signer_state(client) == "ok")
        assert stamped(client).status_code == 200
        assert metric(client, "assay_credential_usable") == 1
        left = metric(client, "assay_credential_expires_seconds")
        assert left is not None
        assert 28.5 * 86400 < left <= 29 * 86400


def test_a_replacement_is_taken_up_and_a_bad_one_is_an_alarm(file_settings: Settings, tmp_path: Path) -> None:
    def credential(client: TestClient) -> str:
        return str(client.get("/v1/credentials").json()["certificates"][0])

    soon = chain(end=NOW + timedelta(days=3))
    put_in_place(tmp_path / "keys", soon)
    with TestClient(create_app(file_settings)) as client:
        assert signer_state(client) in ("alarm: expires in 2 days", "alarm: expires in 3 days")
        first = credential(client)
        (tmp_path / "keys" / "chain.pem").write_bytes(chain().pem)  # half a pair
        until(lambda: signer_state(client) == "alarm: a new credential was refused: signing.credential_mismatch")
        assert metric(client, "assay_credential_refused") == 1
        assert credential(client) == first
        assert stamped(client).status_code == 200
        put_in_place(tmp_path / "keys", chain(end=NOW + timedelta(days=29)))
        until(lambda: signer_state(client) == "ok")
        assert metric(client, "assay_credential_refused") == 0
        assert credential(client) != first
        assert stamped(client).status_code == 200


def test_rotating_the_development_credential_needs_no_restart(signing_settings: Settings) -> None:
    def checked(image: bytes) -> tuple[str, str]:
        report = client.post("/v1/checks", files={"file": image}).json()
        return report["verdict"]["conclusion"], report["provenance"]["tier"]

    settings = signing_settings.model_copy(update={"credential_check_interval_s": 0.1})
    with TestClient(create_app(settings)) as client:
        before = client.get("/v1/credentials").json()["certificates"]
        old = stamped(client).content
        rotate_development_credential(settings.home, now=datetime.now(UTC))
        until(lambda: client.get("/v1/credentials").json()["certificates"] != before)
        assert signer_state(client) == "ok"
        new = stamped(client).content
        assert checked(old) == ("declared_synthetic", "development")
        until(lambda: checked(new) == ("declared_synthetic", "development"))


def test_without_a_signer_there_is_nothing_to_say(client: TestClient) -> None:
    assert "signer" not in client.get("/readyz").json()["checks"]
    assert "assay_credential" not in client.get("/metrics").text


def test_a_process_that_does_not_work_shows_the_credential_there_is_now(file_settings: Settings, tmp_path: Path) -> None:
    put_in_place(tmp_path / "keys", chain())
    with TestClient(create_app(file_settings.model_copy(update={"embedded_worker": False}))) as client:
        first = client.get("/v1/credentials").json()["certificates"]
        put_in_place(tmp_path / "keys", chain())
        assert client.get("/v1/credentials").json()["certificates"] != first
        assert "signer" not in client.get("/readyz").json()["checks"]
