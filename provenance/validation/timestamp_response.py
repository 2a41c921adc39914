"""Queries to a time-stamping authority, and what must hold of its answers.

An answer is about this very query (imprint and nonce), and its token is signed with a certificate that is in it, is named in
what is signed, and is for nothing but time-stamps. Whether that certificate is trusted is asked elsewhere.

Source: RFC 3161, RFC 5816 (ESSCertIDv2), RFC 5652 (SignedData).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.errors import TimestampInvalid
from provenance.trust.certificate_path import load_certificate

_HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_GRANTED: Final = ("granted", "granted_with_mods")
_MALFORMED: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `asn1crypto`, which reads only when asked, and `cryptography` raise on what is not as it should be."""


class _Response(tsp.TimeStampResp):  # type: ignore[misc]  # asn1crypto has no types
    """TimeStampResp as RFC 3161 has it: who refuses sends no token."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]  # noqa: RUF012  # a list


@dataclass(frozen=True, slots=True)
class TimestampQuery:
    """A question, and what an answer to it must repeat."""

    der: bytes
    """TimeStampReq."""
    imprint: bytes
    """SHA-256 of what is to be stamped."""
    nonce: int


@dataclass(frozen=True, slots=True)
class TimestampToken:
    """An answer that holds."""

    der: bytes
    """TimeStampToken."""
    at: datetime
    """The time it states, with a time zone."""
    signer: x509.Certificate
    """Whose signature on it holds; for nothing but time-stamps."""


def query_for(message: bytes) -> TimestampQuery:
    """A query for a time-stamp over `message`, with a fresh nonce."""
    imprint, nonce = hashlib.sha256(message).digest(), secrets.randbits(63)
    request = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": imprint},
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return TimestampQuery(request.dump(), imprint, nonce)


def checked_token(answer: bytes, query: TimestampQuery) -> TimestampToken:
    """The token in a TimeStampResp, DER.

    Raises:
        TimestampInvalid: The authority refused, or its answer does not hold.
    """
    try:
        response = _Response.load(answer, strict=True)
        status = response["status"]["status"].native
        if status not in _GRANTED:
            why = ", ".join(response["status"]["status_string"].native or ()) or "no reason given"
            raise TimestampInvalid(f"the authority refuses ({status}): {why}")
        token = response["time_stamp_token"]
        der = token.dump()  # before its parts are touched: encoding them anew takes 160 ms
        _require(token["content_type"].native == "signed_data", "is no signed token")
        signed = token["content"]
        info, signer = _signed_info(signed)
        imprint = info["message_imprint"]
        _require(imprint["hash_algorithm"]["algorithm"].native == "sha256", "is over another hash than was asked for")
        _require(imprint["hashed_message"].native == query.imprint, "is over something else")
        _require(info["nonce"].native == query.nonce, "is to another query")
        return TimestampToken(der, info["gen_time"].native, signer)
    except _MALFORMED as err:
        raise TimestampInvalid(f"the authority's answer cannot be read: {err}") from err
    except InvalidSignature as err:
        raise TimestampInvalid("the signature of the authority's answer does not hold") from err


def token_over(message: bytes, token: bytes) -> TimestampToken:
    """A TimeStampToken that was found with `message`, once it holds.

    Raises:
        TimestampInvalid: It is over something else, or does not hold.
    """
    return _held(token, message)


def token_in_itself(token: bytes) -> TimestampToken:
    """A TimeStampToken, or the one in a whole TimeStampResp, once its signature holds; what it is over is not asked.

    Raises:
        TimestampInvalid: It does not hold.
    """
    return _held(token, None)


def _held(token: bytes, message: bytes | None) -> TimestampToken:
    try:
        content = _content_of(token)
        _require(content["content_type"].native == "signed_data", "is no signed token")
        info, signer = _signed_info(content["content"])
        if message is not None:
            imprint = info["message_imprint"]
            digest = hashlib.new(_named(imprint["hash_algorithm"]["algorithm"].native), message).digest()
            _require(imprint["hashed_message"].native == digest, "is over something else")
        return TimestampToken(token, info["gen_time"].native, signer)
    except _MALFORMED as err:
        raise TimestampInvalid(f"the token cannot be read: {err}") from err
    except InvalidSignature as err:
        raise TimestampInvalid("the token's signature does not hold") from err


def _content_of(token: bytes) -> Any:  # noqa: ANN401  # asn1crypto has no types
    content = cms.ContentInfo.load(token, strict=True)
    try:
        _ = content["content_type"]
    except ValueError:  # older claims hold the authority's whole answer
        return _Response.load(token, strict=True)["time_stamp_token"]
    return content


def _named(digest: str) -> str:
    if digest not in _HASHES:
        raise TimestampInvalid(f"a hash that is not known here: {digest}")
    return digest


def _signed_info(signed: Any) -> tuple[Any, x509.Certificate]:  # noqa: ANN401  # as above
    """The TSTInfo and whose signature over it holds."""
    _require(signed["encap_content_info"]["content_type"].native == "tst_info", "holds no time-stamp")
    _require(len(signed["signer_infos"]) == 1, "is not signed exactly once")
    (signer,) = signed["signer_infos"]
    # They are signed as a SET, and stand here under a tag of their own.
    attributes_der = b"\x31" + signer["signed_attrs"].dump()[1:]
    certificate = _certificate_of(signer, signed)
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    for_timestamps = usages.critical and list(usages.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    _require(for_timestamps, "is signed with a certificate that is not for time-stamps alone")

    content = bytes(signed["encap_content_info"]["content"])
    attributes = {attribute["type"].native: attribute["values"] for attribute in signer["signed_attrs"]}
    digest = signer["digest_algorithm"]["algorithm"].native
    _require(attributes["content_type"][0].native == "tst_info", "is signed as something else")
    _require(attributes["message_digest"][0].native == hashlib.new(_named(digest), content).digest(), "was altered")
    _require_named(certificate, attributes)
    _verify(certificate, signer, attributes_der, digest)
    return tsp.TSTInfo.load(content), certificate


def _certificate_of(signer: Any, signed: Any) -> x509.Certificate:  # noqa: ANN401  # as above
    sid = signer["sid"].chosen
    for choice in signed["certificates"]:
        found = load_certificate(choice.chosen.dump())
        if isinstance(sid, cms.IssuerAndSerialNumber):
            issuer = sid["issuer"].chosen.dump()
            named = found.issuer.public_bytes() == issuer and found.serial_number == sid["serial_number"].native
        else:
            identifier = found.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            named = identifier.digest == sid.native
        if named:
            return found
    raise TimestampInvalid("the authority's answer does not hold its certificate")


def _require_named(certificate: x509.Certificate, attributes: dict[str, Any]) -> None:
    """Return only if what is signed names the certificate, so that no other can be put in its place."""
    if "signing_certificate_v2" in attributes:
        entry = attributes["signing_certificate_v2"][0]["certs"][0]
        algorithm: hashes.HashAlgorithm = _HASHES[entry["hash_algorithm"]["algorithm"].native]
    else:
        entry = attributes["signing_certificate"][0]["certs"][0]
        algorithm = hashes.SHA1()  # noqa: S303  # RFC 3161 knew no other; the signature does not rest on it
    _require(entry["cert_hash"].native == certificate.fingerprint(algorithm), "names another certificate")


def _verify(certificate: x509.Certificate, signer: Any, payload: bytes, digest: str) -> None:  # noqa: ANN401  # as above
    key, signature, algorithm = certificate.public_key(), signer["signature"].native, signer["signature_algorithm"]
    kind = algorithm.signature_algo
    if kind == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, payload, padding.PKCS1v15(), _HASHES[digest])
    elif kind == "rsassa_pss" and isinstance(key, rsa.RSAPublicKey):
        parameters = algorithm["parameters"]
        used = _HASHES[parameters["hash_algorithm"]["algorithm"].native]
        salt = parameters["salt_length"].native
        key.verify(signature, payload, padding.PSS(padding.MGF1(used), salt), used)
    elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, payload, ec.ECDSA(_HASHES[algorithm.hash_algo]))
    elif kind == "ed25519" and isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, payload)
    else:
        raise TimestampInvalid(f"the authority signs with an algorithm that is not known here: {kind}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise TimestampInvalid(f"the authority's answer {otherwise}")
