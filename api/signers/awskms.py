"""Signers whose key never leaves AWS KMS.

    awskms:KEY?chain=FILE[&region=REGION][&endpoint=URL]

KEY is a key id, an alias, or the ARN of either; `chain` a PEM file, leaf first, since KMS keeps no certificates. Who we are
to AWS is found the way AWS's own tools find it (environment, profile, instance role). The permission `kms:Sign` is enough. A
digest is sent, except for Ed25519, which KMS hashes itself and takes at most 4,096 bytes of.

Each attempt is bounded, and one more is made where AWS says that it may help.

Source: AWS KMS API Reference, "Sign"; botocore 1.44.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from api.signers.options import options, require_safe_address
from provenance.errors import (
    CredentialInvalid,
    CredentialMismatch,
    CredentialRefused,
    SignerUnavailable,
    SignerUnsupported,
    SigningError,
)
from provenance.keys import Algorithm, Credential, chain_from_file, digest_of, named_path, raw_from_der

MAX_RAW_BYTES: Final = 4096
ATTEMPTS: Final = 2

_SPECIFICATIONS: Final = {
    Algorithm.ES256: "ECDSA_SHA_256",
    Algorithm.ES384: "ECDSA_SHA_384",
    Algorithm.ED25519: "ED25519_SHA_512",
    Algorithm.PS256: "RSASSA_PSS_SHA_256",
}
_PASSING: Final = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes that pass; every other one below 500 needs somebody to act."""
_IDENTITY: Final = frozenset({"ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"})
"""Error codes that say that who we are to AWS is not, or no longer, good."""


class KmsSigner:
    """A signer whose key is in KMS; safe to share between threads."""

    def __init__(self, key: str, credential: Credential, connect: Callable[[], Any]) -> None:
        """Sign with the key called `key`; nothing is asked of KMS yet.

        Args:
            key: Key id, alias or ARN.
            credential: The chain that goes with it.
            connect: Gives botocore's client, the same one as long as it works.
        """
        self._key = key
        self._credential = credential
        self._connect = connect

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        return self._credential

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated.

        Raises:
            SignerUnavailable: KMS is out of reach, busy or failing.
            CredentialRefused: KMS does not let us use the key, or there is none.
            CredentialMismatch: The key is not the one the certificate is for.
            SigningError: Ed25519 and more than `MAX_RAW_BYTES`, or an answer that is no signature.
        """
        algorithm = self._credential.algorithm
        raw = algorithm is Algorithm.ED25519
        if raw and len(payload) > MAX_RAW_BYTES:
            raise SigningError(
                f"KMS takes {MAX_RAW_BYTES} bytes for Ed25519, and this is {len(payload)}: use another kind of key"
            )
        answer = self._ask(
            KeyId=self._key,
            Message=payload if raw else digest_of(payload, algorithm),
            MessageType="RAW" if raw else "DIGEST",
            SigningAlgorithm=_SPECIFICATIONS[algorithm],
        )
        signature = answer.get("Signature")
        try:
            if not isinstance(signature, bytes):
                raise ValueError("there is none")
            if algorithm in (Algorithm.ES256, Algorithm.ES384):
                signature = raw_from_der(signature, algorithm)
        except ValueError as err:
            raise SigningError(f"what KMS answered is no signature: {err}") from err
        return self._credential.checked(signature, payload)

    def _ask(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # text and bytes
        from botocore import exceptions as aws

        client = self._connect()
        try:
            return dict(client.sign(**request))
        except aws.ClientError as err:
            if err.response.get("Error", {}).get("Code") in _IDENTITY:
                _client.cache_clear()  # who we are is looked up anew the next time
            raise _refusal(err.response) from err
        except (aws.NoCredentialsError, aws.PartialCredentialsError) as err:
            _client.cache_clear()
            raise CredentialRefused(f"KMS cannot be asked: {err}") from err
        except (aws.ConnectionError, aws.HTTPClientError, aws.CredentialRetrievalError) as err:
            raise SignerUnavailable(f"KMS is out of reach: {err}") from err
        except aws.BotoCoreError as err:
            raise CredentialInvalid(f"KMS cannot be asked: {err}") from err


def open_awskms(uri: str, *, timeout_s: float) -> KmsSigner:
    """The signer an `awskms:` URI names.

    Raises:
        CredentialInvalid: The URI is malformed, or its chain may not sign claims.
        SignerUnsupported: botocore is not installed.
    """
    key, _, query = uri.removeprefix("awskms:").partition("?")
    asked = options(query, {"chain", "region", "endpoint"}, scheme="awskms")
    if not key or "chain" not in asked:
        raise CredentialInvalid("a key in KMS is named awskms:KEY?chain=FILE, with region=REGION unless KEY is an ARN")
    if "endpoint" in asked:
        require_safe_address(asked["endpoint"])
    credential = chain_from_file(named_path(asked["chain"]))
    region = asked.get("region") or _region_of(key)
    endpoint = asked.get("endpoint")

    def connect() -> Any:  # noqa: ANN401  # botocore makes its classes up
        return _client(os.getpid(), region, endpoint, timeout_s)

    connect()  # what is missing shows now
    return KmsSigner(key, credential, connect)


@lru_cache(maxsize=8)
def _client(process: int, region: str | None, endpoint: str | None, timeout_s: float) -> Any:  # noqa: ANN401  # as above
    """A client of botocore's, one for each process: making it takes half a second, and threads may share it."""
    try:
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as err:
        raise SignerUnsupported("keys in AWS KMS need the extra `kms`: pip install 'assay[kms]'") from err
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    try:
        return botocore.session.get_session().create_client(
            "kms",
            region_name=region,
            endpoint_url=endpoint,
            config=Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries=retries, max_pool_connections=64),
        )
    except (BotoCoreError, ValueError) as err:  # no region, a profile that is not there, an endpoint that is no URL
        raise CredentialInvalid(f"KMS cannot be asked: {err}") from err


def _region_of(key: str) -> str | None:
    parts = key.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" and parts[2] == "kms" else None


def _refusal(response: Any) -> SigningError:  # noqa: ANN401  # a parsed answer of AWS
    error, status = response.get("Error", {}), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(error.get("Code", "no code"))[:100]
    said = f"KMS answered {code}: {str(error.get('Message', ''))[:300]}"
    if code in _PASSING or status >= 500 or status == 429:
        return SignerUnavailable(said)
    if code == "InvalidKeyUsageException":
        return CredentialMismatch(f"the key does not sign with the algorithm of the certificate; {said}")
    return CredentialRefused(said)
