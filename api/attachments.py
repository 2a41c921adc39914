"""What goes into a stamp beside the signature, put together from settings: time-stamp, certificate status, a named actor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from api.authorities import status_responder, timestamping_authority
from api.settings import Settings, StatusPolicy
from provenance.errors import CredentialInvalid, SigningError
from provenance.keys import Signer
from provenance.sealing.certificate_status import StatusSource, responder_url
from provenance.sealing.cose_signature import Signatory
from provenance.sealing.identity import NamedActor
from provenance.sealing.timestamps import Timestamper
from provenance.trust.store import TrustPurpose, TrustStore


@dataclass(frozen=True, slots=True)
class Attachments:
    """Arguments of a stamper."""

    timestamps: Timestamper | None
    status: StatusSource | None
    actor: NamedActor | None


def build_attachments(
    settings: Settings,
    signer: Signer,
    actor: Signer | None,
    trust: Callable[[], TrustStore],
    *,
    on_omission: Callable[[SigningError], None] | None = None,
) -> Attachments:
    """What `signer`'s stamps carry.

    Args:
        settings: Which authorities to ask, and what to do when they do not answer.
        signer: Who signs claims.
        actor: Who else vouches.
        trust: Gives the trust lists in force; asked only if times are to be stamped.
        on_omission: Told why a signature is made without a time-stamp.

    Raises:
        TrustStoreError: Times are to be stamped and there is no trust list for that, or one cannot be used.
        CredentialInvalid: A status is required, and the certificate does not say whom to ask.
        UsageInvalid: An address is no URL.
    """
    timestamps = _timestamper(settings, trust, on_omission)
    omit, required = (settings.certificate_status is wish for wish in (StatusPolicy.OMIT, StatusPolicy.REQUIRE))
    status = None if omit else _status(settings, signer, settings.certificate_status_url, require=required)
    if required and status is None:
        raise CredentialInvalid(f"nobody is named who knows whether {signer.credential.subject} is in force")
    named = None
    if actor is not None:  # another issuer's certificate: only whom that names is asked, and nothing depends on it
        actor_status = None if omit else _status(settings, actor, None, require=False)
        named = NamedActor(Signatory(actor, timestamps, actor_status), settings.identity_roles)
    return Attachments(timestamps, status, named)


def _timestamper(
    settings: Settings, trust: Callable[[], TrustStore], on_omission: Callable[[SigningError], None] | None
) -> Timestamper | None:
    if settings.timestamp_url is None:
        return None
    authority = timestamping_authority(settings.timestamp_url, timeout_s=settings.timestamp_timeout_s)
    lists = [entry for entry in trust().lists if entry.purpose is TrustPurpose.TIMESTAMPS and entry.anchors_pem]
    anchors = [anchor for entry in lists for anchor in x509.load_pem_x509_certificates(entry.anchors_pem)]
    return Timestamper(authority, settings.timestamp_policy, list(dict.fromkeys(anchors)), on_omission=on_omission)


def _status(settings: Settings, signer: Signer, url: str | None, *, require: bool) -> StatusSource | None:
    credential = signer.credential
    url = url or responder_url(credential.certificates[0])
    if url is None or len(credential.certificates) < 2:
        return None
    responder = status_responder(url, timeout_s=settings.timestamp_timeout_s)
    return StatusSource(credential, responder, require=require, clock=lambda: datetime.now(UTC))
