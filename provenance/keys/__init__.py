"""Signing credentials and the signers that hold their keys.

A credential is a certificate chain; a signer can sign with its key and may never show it. `signer_from_uri` opens the signer a
URI names. The names below are the public ones.

Source: C2PA Technical Specification 2.3, "Digital signatures" and "X.509 certificates"; RFC 9053 (raw ECDSA signatures).
"""

from __future__ import annotations

from provenance.keys.certificates import issued_by
from provenance.keys.credential import DEVELOPMENT_ORGANISATION, Credential
from provenance.keys.development import (
    create_development_credential,
    development_directory,
    retired_directory,
    rotate_development_credential,
)
from provenance.keys.named_files import chain_from_file, named_path, read_named
from provenance.keys.pkcs11_uri import without_pin
from provenance.keys.profile import (
    CLAIM_SIGNING_USAGES,
    extended_key_usages,
    may_sign_claims,
    require_claim_signing_chain,
)
from provenance.keys.signatures import MIN_RSA_BITS, Algorithm, algorithm_of, digest_of, raw_from_der, signature_holds
from provenance.keys.signer import KeySigner, Signer
from provenance.keys.uri import SignerOpener, signer_from_uri

__all__ = [
    "CLAIM_SIGNING_USAGES",
    "DEVELOPMENT_ORGANISATION",
    "MIN_RSA_BITS",
    "Algorithm",
    "Credential",
    "KeySigner",
    "Signer",
    "SignerOpener",
    "algorithm_of",
    "chain_from_file",
    "create_development_credential",
    "development_directory",
    "digest_of",
    "extended_key_usages",
    "issued_by",
    "may_sign_claims",
    "named_path",
    "raw_from_der",
    "read_named",
    "require_claim_signing_chain",
    "retired_directory",
    "rotate_development_credential",
    "signature_holds",
    "signer_from_uri",
    "without_pin",
]
