"""Sign a report, and check a signed one without a network.

The signature is a compact JWS with detached payload. The payload is the canonical JSON of the report without its `signature`
member, so that a report may be indented, stored and sent as anyone likes. The header carries the certificate chain (`x5c`), the
signer's own statement of the time (`iat`) and `typ`, so that a signature over anything else never passes for one over a report.

The algorithm follows from the certificate's key; the header must say the same. "none" and symmetric algorithms are therefore
unknown here, not forbidden by a list. Anything that does not hold raises; an unknown or expired signer is a finding. Whether a
certificate was revoked is not looked up.

Source: RFC 7515, appendix F (detached content); RFC 8785 (canonical JSON).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from api.jws import NAMES, algorithm_of, decode, encode, verify_raw
from api.report_document import ReportDocument
from provenance.errors import ReportError
from provenance.keys import Credential, Signer
from provenance.trust.certificate_path import MAX_CHAIN_CERTIFICATES, SIGNER_INVALID, SIGNER_TRUSTED, judge_chain

MAX_REPORT_BYTES: Final = 4 * 2**20
"""A report with a tile map of 10,000 views has 1 MB."""
JWS_TYPE: Final = "assay-report+jws"
CLOCK_TOLERANCE: Final = timedelta(minutes=5)

_HEADER_MEMBERS: Final = {"alg", "typ", "iat", "x5c"}


@dataclass(frozen=True, slots=True)
class ReportSignatureResult:
    """What checking the signature of a report found; the signature itself holds, or there would be no result."""

    document: ReportDocument
    signer: str
    """Subject of the signing certificate, RFC 4514."""
    signed_at: datetime
    """When the signer says it signed, UTC; vouched for by nobody else."""
    algorithm: str
    """JWS name, such as "ES256"."""
    code: str
    """`signingCredential.trusted`, `.untrusted`, `.expired` or `.invalid`."""
    explanation: str
    development: bool
    """Whether a development credential signed: it proves nothing outside the installation that made it."""

    @property
    def trusted(self) -> bool:
        """Whether the signer leads to a trust anchor that was given, at the time asked about."""
        return self.code == SIGNER_TRUSTED


def sign_report(document: ReportDocument, signer: Signer, *, at: datetime) -> ReportDocument:
    """`document` with a signature in it; one that is there already is replaced.

    Args:
        document: The report.
        signer: Who signs.
        at: Time of signing, with a time zone.

    Raises:
        CredentialExpired: The credential is not valid at `at`.
        SigningError: The signer could not sign.
    """
    credential = signer.credential
    credential.require_current(at)
    unsigned = document.model_copy(update={"signature": None})
    header = {
        "alg": NAMES[credential.algorithm],
        "typ": JWS_TYPE,
        "iat": int(at.timestamp()),
        "x5c": [base64.b64encode(c.public_bytes(Encoding.DER)).decode("ascii") for c in credential.certificates],
    }
    protected = encode(json.dumps(header, separators=(",", ":")).encode("ascii"))
    signature = signer.sign(_signing_input(protected, unsigned.as_dict()))
    return document.model_copy(update={"signature": f"{protected}..{encode(signature)}"})


def verify_report(data: bytes, anchors: Sequence[x509.Certificate], *, at: datetime) -> ReportSignatureResult:
    """Check the signature of a report, offline.

    Args:
        data: The report as JSON, at most `MAX_REPORT_BYTES`.
        anchors: Authorities whose signers are trusted.
        at: The time the signer's certificates must be valid at, with a time zone.

    Raises:
        ReportError: The report does not parse, carries no signature, or one that does not hold.
    """
    values = parse_report(data)
    signature = values.pop("signature", None)
    if not isinstance(signature, str):
        raise ReportError("the report carries no signature")
    protected, raw = _split(signature)
    header = _header(protected)
    chain = _chain(header)
    algorithm = algorithm_of(chain[0])
    if header["alg"] != NAMES[algorithm]:
        raise ReportError(f"the header says {header['alg']!r}, the certificate's key signs with {NAMES[algorithm]}")
    verify_raw(chain[0].public_key(), raw, _signing_input(protected, values))
    signed_at = _signed_at(header)
    code, explanation = judge_chain(chain, anchors, at)
    if code == SIGNER_TRUSTED and not _within(chain[0], signed_at, at):
        code, explanation = SIGNER_INVALID, f"the signer says it signed at {signed_at}, which its certificate does not cover"
    try:
        document = ReportDocument.model_validate({**values, "signature": signature})
    except ValidationError as err:
        raise ReportError(f"signed, but not a report of a schema known here: {_first_problem(err)}") from err
    credential = Credential(chain, algorithm)
    return ReportSignatureResult(
        document=document,
        signer=credential.subject,
        signed_at=signed_at,
        algorithm=NAMES[algorithm],
        code=code,
        explanation=explanation,
        development=credential.development,
    )


def parse_report(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, refusing what two parsers could read differently.

    Raises:
        ReportError: Too long, not UTF-8, not JSON, not an object, with a member twice, or with numbers JSON has none of.
    """
    if len(data) > MAX_REPORT_BYTES:
        raise ReportError(f"the report has {len(data)} bytes, the limit is {MAX_REPORT_BYTES}")
    try:
        values = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except ReportError:
        raise
    except (ValueError, RecursionError) as err:
        raise ReportError(f"not JSON: {err}") from err
    if not isinstance(values, dict):
        raise ReportError("a report is a JSON object")
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ReportError("a member occurs twice in one object: readers would differ on what was signed")
    return values


def _no_constant(name: str) -> None:
    raise ReportError(f"{name} is not a JSON number")


def _signing_input(protected: str, values: dict[str, Any]) -> bytes:
    try:
        payload = rfc8785.dumps(values)
    except (ValueError, RecursionError) as err:  # numbers beyond a double, lone surrogates, depth
        raise ReportError(f"the report has no canonical form: {err}") from err
    return f"{protected}.{encode(payload)}".encode("ascii")


def _split(signature: str) -> tuple[str, bytes]:
    parts = signature.split(".")
    if len(parts) != 3 or parts[1]:
        raise ReportError("the signature is no compact JWS with detached payload")
    return parts[0], decode(parts[2])


def _header(protected: str) -> dict[str, Any]:
    header = parse_report(decode(protected))
    if set(header) != _HEADER_MEMBERS:
        # "crit", "b64" and "jwk" among them: what is not understood must not be skipped.
        raise ReportError(f"the signature's header must have exactly {sorted(_HEADER_MEMBERS)}, it has {sorted(header)}")
    if header["typ"] != JWS_TYPE:
        raise ReportError(f"the signature is of type {header['typ']!r}, not {JWS_TYPE!r}")
    return header


def _chain(header: dict[str, Any]) -> tuple[x509.Certificate, ...]:
    encoded = header["x5c"]
    if not isinstance(encoded, list) or not 1 <= len(encoded) <= MAX_CHAIN_CERTIFICATES:
        raise ReportError(f"x5c must list 1 to {MAX_CHAIN_CERTIFICATES} certificates")
    try:
        return tuple(x509.load_der_x509_certificate(base64.b64decode(item, validate=True)) for item in encoded)
    except (TypeError, ValueError) as err:
        raise ReportError(f"x5c holds no readable certificates: {err}") from err


def _signed_at(header: dict[str, Any]) -> datetime:
    seconds = header["iat"]
    if type(seconds) is not int:  # True is an int to isinstance
        raise ReportError("iat must be whole seconds")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as err:
        raise ReportError(f"iat is no time: {seconds}") from err


def _within(leaf: x509.Certificate, signed_at: datetime, at: datetime) -> bool:
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return start - CLOCK_TOLERANCE <= signed_at <= min(end, at + CLOCK_TOLERANCE)


def _first_problem(err: ValidationError) -> str:
    first = err.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
