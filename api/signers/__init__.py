"""Signers behind a network, opened by their URI: a key in AWS KMS, or a signing service that is asked over HTTPS.

`provenance` opens no connection, so what does lives here and is handed to `provenance.keys.signer_from_uri` as further schemes.
Whatever such a signer answers is checked against the certificate before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from provenance.keys import Signer, SignerOpener


def network_schemes(*, timeout_s: float) -> Mapping[str, SignerOpener]:
    """Openers by scheme of URI.

    Args:
        timeout_s: How long each connection, each wait for an answer, and the answer of a signing service may take.
    """
    remote = partial(_remote, timeout_s=timeout_s)
    return {"awskms": partial(_awskms, timeout_s=timeout_s), "https": remote, "http": remote}


# HTTP clients are loaded by whoever needs one: a key in a file needs none.


def _awskms(uri: str, *, timeout_s: float) -> Signer:
    from api.signers.awskms import open_awskms

    return open_awskms(uri, timeout_s=timeout_s)


def _remote(uri: str, *, timeout_s: float) -> Signer:
    from api.signers.remote import open_remote

    return open_remote(uri, timeout_s=timeout_s)
