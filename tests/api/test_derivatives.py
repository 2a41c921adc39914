"""`POST /v1/derivatives`, and stamps and checks of sounds and films over HTTP."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from api.auth import Scope
from api.main import create_app
from api.settings import Settings
from provenance.asset import Asset
from provenance.keys import create_development_credential
from provenance.pixels import decode
from tests.api.conftest import encoded, key_for
from tests.assets.attacks import pixel_flipped
from tests.assets.pictures import animated, png_announcing
from tests.assets.sounds_and_films import encoded_timed

RECORD = (None, '{"model": "a model"}', "application/json")


@pytest.fixture(scope="module")
def signing_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for all tests here: it takes two seconds to start. No other may run beside it: they would share a broker."""
    home = tmp_path_factory.mktemp("derivatives") / "home"
    create_development_credential(home, now=datetime.now(UTC))
    settings = Settings(home=home, examiners=("c2pa", "marks"), quick_answer_s=20.0, signer_uri="development:")
    with TestClient(create_app(settings), raise_server_exceptions=False) as running:
        yield running


def asked(data: bytes, **derivation: object) -> dict[str, object]:
    return {"file": ("a.bin", data), "derivation": (None, json.dumps(derivation), "application/json")}


def derived(client, data: bytes, **derivation: object) -> Asset:
    answer = client.post("/v1/derivatives", files=asked(data, **derivation), headers=key_for(client, Scope.STAMP))
    assert answer.status_code == 200, answer.text
    asset = Asset.from_bytes(answer.content)
    assert answer.headers["content-type"] == asset.media_type
    assert answer.headers["etag"] == f'"{asset.sha256}"'
    return asset


def checked(client, data: bytes) -> dict[str, object]:
    answer = client.post("/v1/checks", files={"file": data}, headers=key_for(client, Scope.CHECK))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_thumbnail_of_a_stamped_image_is_declared_synthetic(signing_client):
    key = key_for(signing_client, Scope.STAMP)
    large = encoded(size=(640, 480))
    stamped = signing_client.post("/v1/stamps", files={"file": large, "record": RECORD}, headers=key).content
    thumbnail = derived(signing_client, stamped, thumbnail=True)
    assert thumbnail.media_type == "image/jpeg"
    report = checked(signing_client, thumbnail.data)
    assert report["verdict"]["conclusion"] == "declared_synthetic"
    assert report["provenance"]["state"] == "trusted"


def test_what_is_asked_for_is_made(signing_client):
    assert decode(derived(signing_client, encoded(), width=32)).shape == (24, 32, 3)
    assert decode(derived(signing_client, encoded(), height=96, enlarge=True)).shape == (96, 128, 3)
    assert derived(signing_client, encoded(), media_type="image/webp", quality=50).media_type == "image/webp"
    assert derived(signing_client, encoded(), thumbnail=True, media_type="image/png").media_type == "image/png"


def test_an_altered_image_gets_no_derivative(signing_client):
    key = key_for(signing_client, Scope.STAMP)
    stamped = signing_client.post("/v1/stamps", files={"file": encoded(), "record": RECORD}, headers=key).content
    answer = signing_client.post("/v1/derivatives", files=asked(pixel_flipped(stamped), width=8), headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "record.invalid")
    assert "altered" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("data", "derivation", "expected"),
    [
        (encoded(), '{"width": 0}', (422, "request.invalid")),
        (encoded(), '{"width": 99999}', (422, "request.invalid")),
        (encoded(), '{"thumbnail": 1}', (422, "request.invalid")),
        (encoded(), '{"colour": "red"}', (422, "request.invalid")),
        (encoded(), "no JSON", (422, "request.invalid")),
        (encoded(), '{"media_type": "image/gif"}', (422, "derivation.invalid")),
        (encoded(), '{"enlarge": true}', (422, "derivation.invalid")),
        (b"%PDF-1.7", "{}", (415, "asset.unsupported")),
        (b"", "{}", (422, "asset.empty")),
        (animated("GIF"), "{}", (415, "asset.animated")),
        (png_announcing(100_000, 100_000), "{}", (422, "asset.too_many_pixels")),
        (encoded("JPEG", (64, 64))[:-50], "{}", (422, "asset.unreadable")),
        (encoded_timed("audio/wav").data, "{}", (415, "asset.unsupported")),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_code(signing_client, data, derivation, expected):
    files = {"file": ("a.png", data), "derivation": (None, derivation, "application/json")}
    answer = signing_client.post("/v1/derivatives", files=files, headers=key_for(signing_client, Scope.STAMP))
    assert (answer.status_code, answer.json()["code"]) == expected
    jobs = signing_client.app.state.service.jobs
    jobs.delete_unneeded_objects()
    assert hashlib.sha256(data).hexdigest() not in list(jobs.objects)


def test_both_parts_are_needed(signing_client):
    key = key_for(signing_client, Scope.STAMP)
    answer = signing_client.post("/v1/derivatives", files={"file": encoded()}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    answer = signing_client.post("/v1/derivatives", json={"width": 3}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (415, "request.unsupported_media_type")


def test_nobody_derives_without_the_scope(signing_client):
    files = asked(encoded(), width=8)
    assert signing_client.post("/v1/derivatives", files=files).status_code == 401
    assert signing_client.post("/v1/derivatives", files=files, headers=key_for(signing_client, Scope.CHECK)).status_code == 403


def test_a_job_when_that_is_preferred(signing_client):
    key = key_for(signing_client, Scope.STAMP)
    headers = {**key, "Prefer": "respond-async"}
    answer = signing_client.post("/v1/derivatives", files=asked(encoded(), width=8), headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (202, "derive")
    place = answer.headers["location"]
    deadline = time.monotonic() + 60
    while (job := signing_client.get(place, headers=key).json())["state"] not in ("finished", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert job["state"] == "finished"
    result = signing_client.get(job["links"]["result"], headers=key)
    assert Asset.from_bytes(result.content).media_type == "image/png"
    other = key_for(signing_client, Scope.STAMP, name="another")
    assert signing_client.get(job["links"]["result"], headers=other).status_code == 404


@pytest.mark.parametrize("media_type", ["video/mp4", "video/quicktime", "audio/mp4", "audio/wav", "audio/mpeg"])
def test_sounds_and_films_are_stamped_and_checked(signing_client, media_type):
    key = key_for(signing_client, Scope.STAMP)
    files = {"file": encoded_timed(media_type).data, "record": RECORD}
    answer = signing_client.post("/v1/stamps", files=files, headers=key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    report = checked(signing_client, answer.content)
    assert report["asset"]["media_type"] == media_type
    assert (report["verdict"]["conclusion"], report["provenance"]["state"]) == ("declared_synthetic", "trusted")


def test_a_mode_of_something_else_is_refused(signing_client):
    record = (None, '{"model": "m", "mode": "text-to-video"}', "application/json")
    files = {"file": encoded_timed("audio/wav").data, "record": record}
    answer = signing_client.post("/v1/stamps", files=files, headers=key_for(signing_client, Scope.STAMP))
    assert (answer.status_code, answer.json()["code"]) == (422, "record.invalid")
