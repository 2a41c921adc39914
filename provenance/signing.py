"""Sign a manifest into an asset.

The C2PA SDK hashes, lays out and embeds; it gets a context that reaches no network and makes no thumbnail, and a signer that
only keeps the room. What goes into it, `provenance.sealing.seal` makes: signatures, time-stamps and certificate status, with
the errors of whoever failed instead of the SDK's "invalid signature".

An SDK object made before a fork fails in the child, so they are made again in every process. They are shared by threads.

Source: C2PA Technical Specification 2.3, "Digital signatures"; c2pa-python 0.38.
"""

from __future__ import annotations

import io
import json
import os
import threading
from dataclasses import replace
from typing import Any, Final

import c2pa

from provenance.asset import Asset
from provenance.errors import ManifestError, SigningError
from provenance.keys import Algorithm, Signer
from provenance.manifest import ManifestDefinition
from provenance.sealing.certificate_status import StatusSource
from provenance.sealing.cose_signature import Signatory
from provenance.sealing.identity import NamedActor, placeholder
from provenance.sealing.placement import with_store
from provenance.sealing.seal import sealed
from provenance.sealing.timestamps import Timestamper

_ALGORITHMS: Final = {
    Algorithm.ES256: c2pa.C2paSigningAlg.ES256,
    Algorithm.ES384: c2pa.C2paSigningAlg.ES384,
    Algorithm.ED25519: c2pa.C2paSigningAlg.ED25519,
    Algorithm.PS256: c2pa.C2paSigningAlg.PS256,
}
_ROOM_FOR_SIGNATURE: Final = bytes(64)
"""What the SDK takes for a signature. It pads it to some 10 kB, where `provenance.sealing.seal` puts the signature itself."""
_SETTINGS: Final[dict[str, Any]] = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"allowed_network_hosts": []},
    # The stamper reads every file back itself, with the trust a reader has, so the SDK need not do it as well.
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}


class ManifestSigner:
    """Signs manifests with one signer; safe to share between threads."""

    def __init__(
        self,
        signer: Signer,
        *,
        timestamps: Timestamper | None = None,
        status: StatusSource | None = None,
        actor: NamedActor | None = None,
    ) -> None:
        """Nothing is signed and no SDK object made yet.

        Args:
            signer: Who signs the claim.
            timestamps: Who says when; none: the signature dies with its certificate.
            status: Who says that the certificate is in force; none: readers have to ask.
            actor: Who else vouches, in an identity assertion.
        """
        self._signatory = Signatory(signer, timestamps, status)
        self._actor = actor
        self._lock = threading.Lock()
        self._process: int | None = None
        self._context: Any = None
        self._sdk_signer: Any = None

    def sign(self, asset: Asset, manifest: ManifestDefinition) -> Asset:
        """`asset` with `manifest` embedded and signed.

        Any manifest store already in `asset` is replaced; name it among the ingredients to keep it.

        Raises:
            SigningError: What the signer itself raised, or `signing.failed` with the SDK's reason.
            ManifestError: The SDK refused the definition or an ingredient.
        """
        context, sdk_signer = self._sdk_objects()
        actor = None if manifest.update else self._actor  # an update manifest has no hard binding to vouch for
        builder = self._build(context, manifest if actor is None else _with_room_for(actor, manifest))
        out = io.BytesIO()
        try:
            store = builder.sign(sdk_signer, asset.media_type, io.BytesIO(asset.data), out)
            signed = with_store(out.getvalue(), asset.media_type, store, sealed(store, self._signatory, actor))
        except (c2pa.C2paError, ValueError) as err:
            raise SigningError(f"could not sign {asset.media_type} {asset.sha256[:12]}: {err}") from err
        finally:
            builder.close()
        return Asset.from_bytes(signed, max_bytes=len(signed))

    def _build(self, context: Any, manifest: ManifestDefinition) -> Any:  # noqa: ANN401  # the SDK has no types
        try:
            builder = c2pa.Builder(json.dumps(manifest.definition, allow_nan=False), context=context)
            if manifest.update:
                builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
            for identifier, data in manifest.resources.items():
                builder.add_resource(identifier, io.BytesIO(data))
            for ingredient in manifest.ingredients:
                described = {"label": ingredient.label, "relationship": ingredient.relationship, "title": ingredient.label}
                builder.add_ingredient(json.dumps(described), ingredient.asset.media_type, io.BytesIO(ingredient.asset.data))
        except (c2pa.C2paError, ValueError) as err:
            raise ManifestError(f"the manifest cannot be built: {err}") from err
        return builder

    def _sdk_objects(self) -> tuple[Any, Any]:
        with self._lock:
            if self._process != os.getpid():
                self._context = c2pa.Context.from_dict(_SETTINGS)
                self._sdk_signer = self._make_sdk_signer()
                self._process = os.getpid()
            return self._context, self._sdk_signer

    def _make_sdk_signer(self) -> Any:  # noqa: ANN401  # the SDK has no types
        credential = self._signatory.signer.credential
        try:
            return c2pa.Signer.from_callback(
                lambda _claim: _ROOM_FOR_SIGNATURE, _ALGORITHMS[credential.algorithm], credential.pem.decode("ascii")
            )
        except c2pa.C2paError as err:
            raise SigningError(f"the SDK refused the credential of {credential.subject}: {err}") from err


def _with_room_for(actor: NamedActor, manifest: ManifestDefinition) -> ManifestDefinition:
    assertions = list(manifest.definition.get("assertions", []))
    others = [*assertions, *manifest.ingredients, *manifest.definition.get("ingredients", []), *manifest.resources]
    return replace(manifest, definition={**manifest.definition, "assertions": [*assertions, placeholder(actor, len(others))]})
