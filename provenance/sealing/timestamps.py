"""Time-stamps on signatures, and what is done when none is to be had.

Without one a credential dies with its certificate: nobody can tell any more whether it signed in time. An authority (RFC 3161)
answers queries; how they reach it is not this module's business. Its answer is believed only if it is about this very query and
leads to an anchor given for time-stamps: one that readers do not trust does not keep a credential alive.

Source: RFC 3161, RFC 5816; C2PA Technical Specification 2.3, "Time-stamps".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from provenance.errors import SigningError, TimestampInvalid, TimestampMissing, TimestampUnavailable, TrustStoreError

if TYPE_CHECKING:
    from cryptography import x509

logger = logging.getLogger("assay.timestamps")


class TimestampPolicy(StrEnum):
    """What happens when no time-stamp is to be had."""

    REQUIRE = "require"
    """Nothing is signed, and trying again is the caller's decision."""
    QUEUE = "queue"
    """Nothing is signed now; a job goes back to the queue."""
    OMIT = "omit"
    """It is signed without one, and that is said."""


class TimestampAuthority(Protocol):
    """Who stamps times, wherever it is."""

    def answer(self, query: bytes) -> bytes:
        """The TimeStampResp to a TimeStampReq, both DER.

        Raises:
            TimestampUnavailable: It cannot be reached, is too slow or is out of order: retry.
            TimestampInvalid: It answers with something else.
        """
        ...


class Timestamper:
    """Gets time-stamps from one authority under one policy; safe to share between threads."""

    def __init__(
        self,
        authority: TimestampAuthority,
        policy: TimestampPolicy,
        anchors: Sequence[x509.Certificate],
        *,
        on_omission: Callable[[SigningError], None] | None = None,
    ) -> None:
        """Ask `authority`.

        Args:
            authority: Whom to ask.
            policy: What to do when there is no answer, or none that holds.
            anchors: Certificates an authority's chain may end in.
            on_omission: Told, under `TimestampPolicy.OMIT`, why a time-stamp is missing; the log says so in any case.

        Raises:
            TrustStoreError: There is no anchor.
        """
        if not anchors:
            raise TrustStoreError("a time-stamping authority is configured, and no trust list for time-stamps is there")
        self._authority = authority
        self._policy = policy
        self._anchors = tuple(anchors)
        self._on_omission = on_omission

    @property
    def anchors(self) -> Sequence[x509.Certificate]:
        """Certificates an authority's chain may end in."""
        return self._anchors

    @property
    def required(self) -> bool:
        """Whether nothing is signed without a time-stamp."""
        return self._policy is not TimestampPolicy.OMIT

    def token(self, message: bytes, *, within: tuple[datetime, datetime]) -> bytes | None:
        """A TimeStampToken over `message`, DER; None if the policy is to do without.

        Args:
            message: What is stamped.
            within: First and last time that help, with time zones: the validity of the certificate that signed `message`.

        Raises:
            TimestampUnavailable: No answer, and the policy is to queue.
            TimestampMissing: No answer, and the policy is to require one.
            TimestampInvalid: The answer does not hold, and the policy is not to do without.
        """
        try:
            return self._ask(message, within)
        except (TimestampUnavailable, TimestampInvalid) as err:
            if self._policy is TimestampPolicy.OMIT:
                logger.warning("signing without a time-stamp: %s: %s", err.code, err)
                if self._on_omission is not None:
                    self._on_omission(err)
                return None
            if self._policy is TimestampPolicy.REQUIRE and isinstance(err, TimestampUnavailable):
                raise TimestampMissing(f"nothing is signed without a time-stamp: {err}") from err
            raise

    def _ask(self, message: bytes, within: tuple[datetime, datetime]) -> bytes:
        from provenance.validation.timestamp_response import checked_token, query_for
        from provenance.validation.token_certificates import stamped_by

        query = query_for(message)
        token = checked_token(self._authority.answer(query.der), query)
        if not stamped_by(token.der, self._anchors, token.at):
            raise TimestampInvalid("the authority's certificate leads to no anchor given for time-stamps")
        if not within[0] <= token.at <= within[1]:
            raise TimestampInvalid(f"the authority says it is {token.at}, when the signer's certificate is not valid")
        return token.der
