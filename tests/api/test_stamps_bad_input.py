"""What `POST /v1/stamps` refuses to vouch for: the same as `assay stamp`, under the same codes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from api.auth import Scope
from tests.api.conftest import key_for
from tests.assets.attacks import pixel_flipped
from tests.assets.pictures import animated, png_announcing, saved

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (saved(NOISE, "JPEG")[:-600], (422, "asset.unreadable")),
        (saved(NOISE, "PNG")[:-600], (422, "asset.unreadable")),
        (animated("PNG"), (415, "asset.animated")),
        (png_announcing(100_000, 100_000), (422, "asset.too_many_pixels")),
    ],
    ids=["truncated JPEG", "truncated PNG", "animated", "too many pixels"],
)
def test_what_is_no_whole_still_is_not_stamped(signing_client, data, expected):
    headers = key_for(signing_client, Scope.STAMP)
    files = {"file": ("a.png", data), "record": (None, '{"model": "m"}', "application/json")}
    answer = signing_client.post("/v1/stamps", files=files, headers=headers)
    assert (answer.status_code, answer.json().get("code")) == expected
    require_nothing_kept(signing_client)


@pytest.mark.parametrize("part", ["parent", "control"])
def test_what_is_no_whole_still_is_no_parent_and_steers_nothing(signing_client, part):
    sound, half = saved(NOISE, "PNG"), saved(NOISE, "JPEG")[:-600]
    files = {"file": sound, part: half, "record": b'{"model": "m"}'}
    answer = signing_client.post("/v1/stamps", files=files, headers=key_for(signing_client, Scope.STAMP))
    assert (answer.status_code, answer.json().get("code")) == (422, "asset.unreadable")
    require_nothing_kept(signing_client)


def test_an_altered_parent_is_not_laundered(signing_client):
    headers = key_for(signing_client, Scope.STAMP)
    files = {"file": saved(NOISE, "PNG"), "record": b'{"model": "m"}'}
    stamped = signing_client.post("/v1/stamps", files=files, headers=headers).content
    answer = signing_client.post("/v1/stamps", files={**files, "parent": pixel_flipped(stamped)}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "record.invalid")
    assert "was altered after it was signed" in answer.json()["detail"]


def require_nothing_kept(client):
    service = client.app.state.service
    service.jobs.delete_unneeded_objects()
    assert list(service.jobs.objects) == []
