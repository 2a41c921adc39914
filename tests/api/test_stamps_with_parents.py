"""`POST /v1/stamps` for what was made from an image: the parent is kept, a control picture is named."""

from __future__ import annotations

import io
import json
from typing import Any

import c2pa
import pytest

from api.auth import Scope
from api.bundle import Bundle
from provenance.asset import MAX_ASSET_BYTES, Asset
from provenance.pixels import decode
from tests.api.conftest import key_for
from tests.assets.pictures import encoded


def store(data: bytes, media_type: str) -> dict[str, Any]:
    return dict(json.loads(c2pa.Reader(media_type, io.BytesIO(data)).json()))


def stamped(client: Any, **parts: bytes) -> bytes:
    record = b'{"model": "example/model", "prompt": "a house"}'
    answer = client.post("/v1/stamps", files={"record": record, **parts}, headers=key_for(client, Scope.STAMP))
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def test_a_parent_makes_it_an_edit_and_keeps_its_manifest(signing_client: Any) -> None:
    parent = stamped(signing_client, file=encoded("image/jpeg").data)
    image = encoded("image/png", seed=2)
    child = stamped(signing_client, file=image.data, parent=parent)
    manifests = store(child, "image/png")
    active = manifests["manifests"][manifests["active_manifest"]]
    actions = next(a["data"]["actions"] for a in active["assertions"] if a["label"] == "c2pa.actions.v2")
    assert [a["action"] for a in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["description"] == "image-to-image"
    assert store(parent, "image/jpeg")["active_manifest"] in manifests["manifests"]
    assert (decode(Asset.from_bytes(child)) == decode(image)).all()


def test_a_control_picture_is_an_input_and_no_parent(signing_client: Any) -> None:
    child = stamped(signing_client, file=encoded().data, control=encoded("image/jpeg").data)
    manifests = store(child, "image/png")
    ingredients = manifests["manifests"][manifests["active_manifest"]]["ingredients"]
    # The parser of parts does not care for their order, and the manifest keeps ours: assets first.
    assert ("image/jpeg", "inputTo") in {(i.get("format"), i["relationship"]) for i in ingredients}
    assert {i["relationship"] for i in ingredients} == {"inputTo"}


def test_a_bundle_gives_back_what_was_put_in() -> None:
    parts = {"file": encoded(), "parent": encoded("image/jpeg")}
    bundle = Bundle.of(parts)
    again = Bundle(bundle.data, bundle.sizes)
    assert again.assets(max_bytes=MAX_ASSET_BYTES) == parts
    assert again.sha256 == Asset.from_bytes(bundle.data).sha256


def test_a_bundle_of_other_sizes_is_refused() -> None:
    bundle = Bundle.of({"file": encoded()})
    with pytest.raises(ValueError, match="other sizes"):
        Bundle(bundle.data + b"x", bundle.sizes).assets(max_bytes=MAX_ASSET_BYTES)
