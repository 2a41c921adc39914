"""Manifests that say anything, signed at any time by anyone: histories, thumbnails, time-stamps, stapled answers.

`attacks.py` changes sound files; here the signer himself writes what he likes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import c2pa
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.keys import Algorithm, Credential, KeySigner, Signer
from provenance.manifest import Ingredient, ManifestDefinition
from provenance.sealing.cose_signature import Signatory
from provenance.sealing.placement import with_store
from provenance.sealing.seal import sealed
from provenance.signing import ManifestSigner
from tests.assets.authorities import TimestampingAuthority
from tests.assets.chains import NOW, Authority, Chain, authority, chain, sound_chain
from tests.assets.pictures import encoded, picture, saved

EXPIRED = NOW - timedelta(days=20)
"""When `expired_chain` was in force."""


def created(source_type: DigitalSourceType | None) -> list[dict[str, Any]]:
    """The actions of something new."""
    return [{"action": "c2pa.created", **({"digitalSourceType": source_type.value} if source_type else {})}]


def edited(source_type: DigitalSourceType | None = None, action: str = "c2pa.edited") -> list[dict[str, Any]]:
    """The actions of something opened and changed."""
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parentOf-0"]}}
    return [opened, {"action": action, **({"digitalSourceType": source_type.value} if source_type else {})}]


def claimed(
    asset: Asset | None = None,
    *,
    actions: Sequence[Mapping[str, Any]],
    parents: Sequence[Asset] = (),
    components: Sequence[Asset] = (),
    inputs: Sequence[Asset] = (),
    thumbnail: bytes | None = None,
    assertions: Sequence[Mapping[str, Any]] = (),
    generator: str = "Throw-away editor",
    signer: Signer | None = None,
) -> Asset:
    """`asset` (a small PNG) under a manifest that says just this."""
    asset = asset or encoded()
    roles = (("parentOf", parents), ("componentOf", components), ("inputTo", inputs))
    ingredients = tuple(Ingredient(f"{role}-{i}", role, one) for role, many in roles for i, one in enumerate(many))
    actions = [*actions, *(_placed(i.label) for i in ingredients if i.relationship == "componentOf")]
    definition: dict[str, Any] = {
        "claim_version": 2,
        "claim_generator_info": [{"name": generator, "version": "1"}],
        "format": asset.media_type,
        "assertions": [{"label": "c2pa.actions.v2", "created": True, "data": {"actions": actions}}, *assertions],
    }
    resources = {}
    if thumbnail is not None:
        definition["thumbnail"] = {"format": "image/jpeg", "identifier": "shown.jpg"}
        resources["shown.jpg"] = thumbnail
    manifest = ManifestDefinition(definition, ingredients, resources)
    return ManifestSigner(signer or sound_chain().signer).sign(asset, manifest)


def generated(**options: Any) -> Asset:
    """Something wholly generated."""
    return claimed(actions=created(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA), **options)


def shown(seed: int = 0, size: int = 32) -> bytes:
    """A thumbnail of `picture(seed=seed)`, JPEG."""
    return saved(Image.fromarray(picture(seed=seed)).resize((size, size * 3 // 4)), "JPEG", quality=80)


def unchecked(made: Chain) -> KeySigner:
    """A signer whose certificate nobody looked at."""
    return KeySigner(made.key, Credential(made.certificates, Algorithm.ES256))


def expired_chain(*, start: datetime = EXPIRED, days: float = 2) -> Chain:
    """A chain under `old_root`, whose leaf was in force for `days` from `start`."""
    return chain(start=start, end=start + timedelta(days=days), root=old_root())


@cache
def old_root() -> Authority:
    """A root in force for long enough to have issued what has expired since."""
    return authority("Throw-away old root", start=NOW - timedelta(days=400))


def signed_with(
    made: Chain, *, timestamps: StampedAt | None = None, status: Stapled | None = None, claim_version: int = 2
) -> Asset:
    """A generated PNG, signed by `made` whenever that was in force, with what is attached to the signature.

    The SDK signs with no certificate that is not in force now: it lays the file out with one that is, of the same key and
    length, and the other is put in its place before the signature is made.
    """
    asset, valid = encoded(), _as_long(made)
    context = c2pa.Context.from_dict(_SETTINGS)
    out = io.BytesIO()
    with c2pa.Builder(_GENERATED | {"claim_version": claim_version}, context=context) as builder:
        sdk_signer = c2pa.Signer.from_callback(lambda _claim: bytes(64), c2pa.C2paSigningAlg.ES256, valid.pem.decode())
        store = bytes(builder.sign(sdk_signer, asset.media_type, io.BytesIO(asset.data), out))
    swapped = store.replace(valid.leaf.public_bytes(Encoding.DER), made.leaf.public_bytes(Encoding.DER))
    signatory = Signatory(unchecked(made), timestamps, status)  # type: ignore[arg-type]
    return Asset.from_bytes(with_store(out.getvalue(), asset.media_type, store, sealed(swapped, signatory, None)))


def _as_long(made: Chain) -> Chain:
    """A sound chain in force now, of the same key, authorities and length; its name makes up for other differences."""
    size, name = len(made.leaf.public_bytes(Encoding.DER)), "x" * 20
    for _ in range(200):  # the length of a signature differs by a byte or two from one to the next
        found = chain(key=made.key, root=made.authorities[-1], name=name)
        beyond = len(found.leaf.public_bytes(Encoding.DER)) - size
        if not beyond:
            return found
        if abs(beyond) > 2:
            name = "x" * (len(name) - beyond)
    raise AssertionError("no chain of this length")


_SETTINGS: Final = {"version": 1, "builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}
_GENERATED: Final = {
    "claim_version": 2,
    "claim_generator_info": [{"name": "Throw-away editor", "version": "1"}],
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "created": True,
            "data": {"actions": created(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)},
        }
    ],
}


class StampedAt:
    """Time-stamps of an authority whose clock stands at `at`."""

    required = True

    def __init__(self, made_by: TimestampingAuthority, at: datetime) -> None:
        self._authority = made_by.at_time(at)

    def token(self, message: bytes, *, within: object) -> bytes:
        return self._authority.token(message)


class Stapled:
    """One answer about the certificate, true or not."""

    def __init__(self, der: bytes) -> None:
        self._der = der

    def current(self) -> bytes:
        return self._der


def store_of(asset: Asset) -> bytes:
    """The manifest store of a PNG."""
    at = asset.data.index(b"caBX")
    return asset.data[at + 4 : at + 4 + int.from_bytes(asset.data[at - 4 : at], "big")]


def detached(asset: Asset | None = None) -> tuple[Asset, bytes]:
    """An asset without a manifest, and the store that belongs to it."""
    asset = asset or encoded()
    context = c2pa.Context.from_dict(_SETTINGS)
    made = sound_chain()
    with c2pa.Builder(_GENERATED, context=context) as builder:
        builder.set_no_embed()
        sdk_signer = c2pa.Signer.from_callback(made.signer.sign, c2pa.C2paSigningAlg.ES256, made.pem.decode())
        store = builder.sign(sdk_signer, asset.media_type, io.BytesIO(asset.data), io.BytesIO())
    return asset, bytes(store)


def remote(url: str) -> tuple[Asset, bytes]:
    """A PNG that only points to its manifest, at `url`, and the manifest."""
    out, made = io.BytesIO(), sound_chain()
    with c2pa.Builder(_GENERATED, context=c2pa.Context.from_dict(_SETTINGS)) as builder:
        builder.set_no_embed()
        builder.set_remote_url(url)
        sdk_signer = c2pa.Signer.from_callback(made.signer.sign, c2pa.C2paSigningAlg.ES256, made.pem.decode())
        store = builder.sign(sdk_signer, "image/png", io.BytesIO(encoded().data), out)
    return Asset.from_bytes(out.getvalue()), bytes(store)


def _placed(label: str) -> dict[str, Any]:
    return {"action": "c2pa.placed", "parameters": {"ingredientIds": [label]}}
