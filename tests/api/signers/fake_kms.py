"""A key management service that speaks the protocol of AWS KMS over HTTP, and holds throw-away keys.

Source: AWS KMS API Reference, "Sign" and "Common errors": JSON 1.1, the action in X-Amz-Target, SigV4 in Authorization.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from tests.api.signers.fake_http import Asked, FakeServer, Said
from tests.assets.chains import Chain

ACCESS_KEY = "AKIAEXAMPLEEXAMPLE"
_SIGV4 = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/\d{{8}}/([a-z0-9-]+)/kms/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*x-amz-target[a-z0-9;-]*, Signature=[0-9a-f]{64}"
)
_FITTING = {
    "ECDSA_SHA_256": (ec.SECP256R1, "DIGEST", hashes.SHA256()),
    "ECDSA_SHA_384": (ec.SECP384R1, "DIGEST", hashes.SHA384()),
}


class FakeKms(FakeServer):
    """Signs with the keys it holds."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.hold({})

    def hold(self, chains: Mapping[str, Chain], *failures: tuple[int, str]) -> None:
        """Forget what was asked, and sign with the keys of `chains`; failures, (status, code), are answered first."""
        self.regions: set[str] = set()
        self.asked.clear()
        self._chains = chains
        self._failures = list(failures)

    def _answer(self, asked: Asked) -> Said:
        signed = _SIGV4.fullmatch(asked.headers.get("authorization", ""))
        if asked.method != "POST" or asked.path != "/" or asked.headers.get("content-type") != "application/x-amz-json-1.1":
            return _error(400, "SerializationException")
        if signed is None or "x-amz-date" not in asked.headers:
            return _error(400, "MissingAuthenticationTokenException")
        self.regions.add(signed.group(1))
        if self._failures:
            return _error(*self._failures.pop(0))
        if asked.headers["x-amz-target"] != "TrentService.Sign":
            return _error(400, "UnknownOperationException")
        return self._sign(json.loads(asked.body))

    def _sign(self, request: dict[str, str]) -> Said:
        if request["KeyId"] not in self._chains:
            return _error(400, "NotFoundException")
        key = self._chains[request["KeyId"]].key
        message, specification = base64.b64decode(request["Message"]), request["SigningAlgorithm"]
        if len(message) > 4096:
            return _error(400, "ValidationException")
        match key, specification, request["MessageType"]:
            case ec.EllipticCurvePrivateKey(), "ECDSA_SHA_256" | "ECDSA_SHA_384", "DIGEST":
                curve, _, digest = _FITTING[specification]
                if not isinstance(key.curve, curve):
                    return _error(400, "InvalidKeyUsageException")
                signature = key.sign(message, ec.ECDSA(utils.Prehashed(digest)))
            case ed25519.Ed25519PrivateKey(), "ED25519_SHA_512", "RAW":
                signature = key.sign(message)
            case rsa.RSAPrivateKey(), "RSASSA_PSS_SHA_256", "DIGEST":
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
                signature = key.sign(message, pss, utils.Prehashed(hashes.SHA256()))
            case _:
                return _error(400, "InvalidKeyUsageException")
        body = {"KeyId": request["KeyId"], "Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": specification}
        return Said(200, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.1"})


def _error(status: int, code: str) -> Said:
    body = json.dumps({"__type": code, "message": f"as a test wants: {code}"}).encode()
    return Said(status, body, {"Content-Type": "application/x-amz-json-1.1"})
