"""Sign a manifest into an asset with the C2PA SDK.

The SDK hashes, builds and embeds; this module gives it a context that reaches no network and makes no thumbnail, calls our
signer, and keeps the signer's own error, which the SDK would report as an invalid signature.

An SDK object made before a fork fails in the child, so they are made again in every process. They are shared by threads.

Source: C2PA Technical Specification 2.3, "Digital signatures"; c2pa-python 0.38.
"""

from __future__ import annotations

import io
import json
import os
import threading
from typing import Any, Final

import c2pa

from provenance.asset import Asset
from provenance.errors import ManifestError, SigningError
from provenance.keys import Algorithm, Signer
from provenance.manifest import ManifestDefinition

_ALGORITHMS: Final = {
    Algorithm.ES256: c2pa.C2paSigningAlg.ES256,
    Algorithm.ES384: c2pa.C2paSigningAlg.ES384,
    Algorithm.ED25519: c2pa.C2paSigningAlg.ED25519,
    Algorithm.PS256: c2pa.C2paSigningAlg.PS256,
}
_SETTINGS: Final[dict[str, Any]] = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"allowed_network_hosts": []},
    # The stamper reads every file back itself, with the trust a reader has, so the SDK need not do it as well.
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}


class ManifestSigner:
    """Signs manifests with one signer; safe to share between threads."""

    def __init__(self, signer: Signer) -> None:
        """Nothing is signed and no SDK object made yet."""
        self._signer = signer
        self._lock = threading.Lock()
        self._failure = threading.local()
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
        builder = self._build(context, manifest)
        self._failure.cause = None
        out = io.BytesIO()
        try:
            builder.sign(sdk_signer, asset.media_type, io.BytesIO(asset.data), out)
        except c2pa.C2paError as err:
            cause: Exception = self._failure.cause or err
            if isinstance(cause, SigningError):
                raise cause from err
            raise SigningError(f"could not sign {asset.media_type} {asset.sha256[:12]}: {cause}") from cause
        finally:
            builder.close()
        signed = out.getvalue()
        return Asset.from_bytes(signed, max_bytes=len(signed))

    def _build(self, context: Any, manifest: ManifestDefinition) -> Any:  # noqa: ANN401  # the SDK has no types
        try:
            builder = c2pa.Builder(json.dumps(manifest.definition, allow_nan=False), context=context)
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
        def callback(payload: bytes) -> bytes:
            try:
                return self._signer.sign(payload)
            except Exception as err:
                self._failure.cause = err
                raise

        credential = self._signer.credential
        try:
            return c2pa.Signer.from_callback(callback, _ALGORITHMS[credential.algorithm], credential.pem.decode("ascii"))
        except c2pa.C2paError as err:
            raise SigningError(f"the SDK refused the credential of {credential.subject}: {err}") from err
