"""A signing service that is asked over HTTPS.

    https://HOST/PATH#chain=FILE&token=FILE&ca=FILE        all three may be left out; http on this machine only

What stands behind # is ours and never sent. The service answers two requests at the address:

    GET    200, the certificate chain in PEM, leaf first; not asked where `chain` names a file
    POST   {"algorithm": "es256", "payload": BASE64}   200, {"signature": BASE64}

`algorithm` is one of es256, es384, ed25519 and ps256, `payload` the bytes to be signed, not hashed, and `signature` raw: r and
s concatenated for ECDSA, with a salt of 32 bytes for ps256. With `token`, the file's content goes along as a bearer token and
is read anew for every request. `ca` is a PEM file of authorities to be trusted for TLS instead of the system's.

429, 5xx and a network that fails mean "later"; other answers mean that somebody must act. Redirects are not followed.

Source: RFC 4648 (base64), RFC 6750 (bearer tokens), RFC 9053 (raw ECDSA signatures).
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
import time
import weakref
from pathlib import Path
from typing import Final

import httpcore

from api.signers.options import options, require_safe_address
from provenance.errors import CredentialInvalid, CredentialMissing, CredentialRefused, SignerUnavailable, SigningError
from provenance.keys import Credential, chain_from_file, named_path, read_named

MAX_ANSWER_BYTES: Final = 256 * 1024
_IDLE_S: Final = 30.0


class RemoteSigner:
    """A signer that is asked over HTTP; safe to share between threads and to build before a fork."""

    def __init__(self, service: _Service, credential: Credential) -> None:
        """Sign with whatever `service` answers, as far as it fits `credential`."""
        self._service = service
        self._credential = credential

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        return self._credential

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated.

        Raises:
            SignerUnavailable: The service is out of reach, busy or failing.
            CredentialRefused: It does not let us sign.
            CredentialMismatch: What it answered is not of the certificate's key.
            SigningError: What it answered is no signature.
        """
        asked = {"algorithm": self._credential.algorithm.value, "payload": base64.b64encode(payload).decode("ascii")}
        answer = self._service.ask("POST", json.dumps(asked).encode("ascii"))
        try:
            signature = base64.b64decode(json.loads(answer)["signature"], validate=True)
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise SigningError(f"what the signing service answered is no signature: {type(err).__name__}") from err
        return self._credential.checked(signature, payload)


def open_remote(uri: str, *, timeout_s: float) -> RemoteSigner:
    """The signer an `https:` URI names; its chain is asked for unless the URI names a file.

    Raises:
        SignerUnavailable: The service is out of reach, busy or failing.
        CredentialInvalid: The URI is malformed, or the chain may not sign claims; the class and its code say why.
    """
    address, _, fragment = uri.partition("#")
    asked = options(fragment, {"chain", "token", "ca"}, scheme=address.partition(":")[0])
    require_safe_address(address)
    chain, token, authorities = (named_path(asked[name]) if name in asked else None for name in ("chain", "token", "ca"))
    if token is not None and not token.is_absolute():  # more likely the token itself, which messages must not repeat
        raise CredentialInvalid("token= is the absolute path of the file that a token is in")
    service = _Service(address, token=token, authorities=authorities, timeout_s=timeout_s)
    return RemoteSigner(service, chain_from_file(chain) if chain else Credential.from_pem(service.ask("GET")))


class _Service:
    """One address, its connections and who we are to it."""

    def __init__(self, address: str, *, token: Path | None, authorities: Path | None, timeout_s: float) -> None:
        self._address = address
        self._token = token
        self._timeout_s = timeout_s
        self._timeouts = {"connect": timeout_s, "read": timeout_s, "write": timeout_s, "pool": timeout_s}
        try:
            self._tls = ssl.create_default_context(cafile=authorities)
        except (OSError, ssl.SSLError) as err:
            raise CredentialMissing(f"no TLS authorities can be read from {authorities}: {err}") from err
        self._lock = threading.Lock()
        self._pool: httpcore.ConnectionPool | None = None
        self._process = 0

    def ask(self, method: str, body: bytes = b"") -> bytes:
        """The body of a 200; every other answer is an error.

        Raises:
            SignerUnavailable, CredentialRefused, CredentialMissing, SigningError: As the module says.
        """
        accepted = "application/json" if body else "application/pem-certificate-chain, */*;q=0.1"
        headers: list[tuple[bytes | str, bytes | str]] = [("Accept", accepted), *self._bearer()]
        if body:
            headers.append(("Content-Type", "application/json"))
        try:
            with self._connections().stream(
                method, self._address, headers=headers, content=body, extensions={"timeout": self._timeouts}
            ) as response:
                answer, due = b"", time.monotonic() + self._timeout_s
                for chunk in response.iter_stream():
                    answer += chunk
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise SigningError(f"the signing service answered more than {MAX_ANSWER_BYTES} bytes")
                    if time.monotonic() > due:
                        raise SignerUnavailable(f"the signing service took more than {self._timeout_s:g} s over its answer")
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as err:
            raise SignerUnavailable(f"the signing service is out of reach: {type(err).__name__}: {err}") from err
        except (httpcore.UnsupportedProtocol, UnicodeError, TypeError) as err:
            raise CredentialInvalid(f"the signing service has an address that cannot be asked: {err}") from err
        status = response.status
        if status == 200:
            return answer
        if status == 429 or status >= 500:
            raise SignerUnavailable(f"the signing service answered {status}")
        raise CredentialRefused(f"the signing service answered {status}")

    def _bearer(self) -> list[tuple[bytes | str, bytes | str]]:
        if self._token is None:
            return []
        try:
            token = read_named(self._token, what="token").decode("ascii").strip()
        except UnicodeDecodeError:
            # Without its cause: the exception holds what was read.
            raise CredentialInvalid(f"what is in {self._token} is no token") from None
        if not token.isprintable() or not token:
            raise CredentialInvalid(f"what is in {self._token} is no token")
        return [("Authorization", f"Bearer {token}")]

    def _connections(self) -> httpcore.ConnectionPool:
        with self._lock:
            if self._pool is None or self._process != os.getpid():  # a connection cannot be shared across a fork
                self._pool = httpcore.ConnectionPool(ssl_context=self._tls, keepalive_expiry=_IDLE_S, retries=1)
                self._process = os.getpid()
                weakref.finalize(self, _close, self._pool, self._process)
            return self._pool


def _close(pool: httpcore.ConnectionPool, owner: int) -> None:
    if os.getpid() == owner:  # in a forked child these are the parent's connections
        pool.close()
