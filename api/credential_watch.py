"""The stamper in force, and the watch over its credential: proved before it is used, renewed without a restart.

What the settings' signer URI names is opened again at an interval. A chain that differs from the one in force is a new
credential: it is proved, and then takes over between two stamps. One that cannot be opened or proved leaves the old one in
force and is an alarm, in the log and in readiness, until it is put right or taken back. A stamp that has begun ends with what
it began with, so no file has the key of one credential and the chain of another.

A process that works watches in a thread. One that does not looks whenever it is asked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from api.composition import build_signer, build_stamper
from api.settings import Settings
from provenance.asset import Asset
from provenance.errors import CredentialExpired, CredentialMissing, SignerUnavailable, SigningError
from provenance.generation import GenerationRecord
from provenance.pixels import PixelArray
from provenance.proof import prove
from provenance.stamp import Stamper

_WARN_EVERY: Final = timedelta(days=1)
_SAY_AGAIN_AFTER: Final = timedelta(hours=1)

logger = logging.getLogger("assay.credential")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CredentialState:
    """How it stands with the credential at one moment."""

    code: str | None
    """Why nothing can be stamped, as the code of an error; None: it can."""
    expires_in: timedelta | None
    """How long the chain in force is still valid, negative when it is over; None: none is in force."""
    refused: str | None
    """The code of what is wrong with a new credential, while the old one is in force."""

    def describe(self, alarm_days: int) -> str:
        """The state in a few words that give nothing away: "ok", "alarm: ..." or "unavailable: CODE"."""
        if self.code is not None or self.expires_in is None:
            return f"unavailable: {self.code or CredentialMissing.code}"
        if self.refused is not None:
            return f"alarm: a new credential was refused: {self.refused}"
        if self.expires_in < timedelta(days=alarm_days):
            return f"alarm: expires in {self.expires_in.days} days"
        return "ok"


class CredentialWatch:
    """Holds the stamper in force; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = _now,
        on_omission: Callable[[SigningError], None] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            settings: Where the key is, how often to look and when to warn.
            clock: Current time, with a time zone.
            on_omission: Told why a stamp carries no time-stamp, where the settings let it go without.
        """
        self._settings = settings
        self._on_omission = on_omission
        self._clock = clock
        self._looking = threading.Lock()
        self._stamper: Stamper | None = None
        self._failure: SigningError = CredentialMissing("nobody has looked for the signing credential yet")
        self._refused: SigningError | None = None
        self._said: tuple[str, datetime] | None = None
        self._warned: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="assay-credential", daemon=True)

    @property
    def stamper(self) -> Stamper:
        """Who stamps now; ask again for the next stamp.

        Raises:
            SigningError: No signer is configured, or it cannot be used.
        """
        if self._stamper is None or not self._thread.is_alive():
            self.look()
        if self._stamper is None:
            raise type(self._failure)(str(self._failure)) from self._failure
        return self._stamper

    def stamp(self, pixels: PixelArray, record: GenerationRecord, *, media_type: str = "image/png") -> Asset:
        """As `Stamper.stamp`, by whoever stamps now: for pipelines, which outlive a credential."""
        return self.stamper.stamp(pixels, record, media_type=media_type)

    def start(self) -> None:
        """Look now, and at every interval from now on."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Finish the look at hand and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Open what the URI names, and put it in force if it is new and proves itself. What is wrong is kept, not raised.

        Raises:
            UsageInvalid: The settings of stamps make no sense, whatever the credential.
        """
        with self._looking:
            try:
                self._renew()
            except SigningError as err:
                self._keep(err)
            self._warn_of_the_end()

    def state(self) -> CredentialState:
        """How it stands; looks at nothing that could block."""
        stamper, refused = self._stamper, self._refused
        if stamper is None:
            return CredentialState(self._failure.code, None, None)
        left = stamper.signer.credential.expires - self._clock()
        code = CredentialExpired.code if left < timedelta(0) else None
        return CredentialState(code, left, refused.code if refused is not None else None)

    def _renew(self) -> None:
        signer = build_signer(self._settings)
        before = self._stamper
        if before is not None and before.signer.credential.certificates == signer.credential.certificates:
            if self._refused is not None:
                logger.info("the credential in force is the one that is configured again")
            self._refused = self._said = None
            return
        stamper = build_stamper(self._settings, signer, on_omission=self._on_omission)
        prove(signer, clock=self._clock)
        self._stamper, self._refused, self._said, self._warned = stamper, None, None, None
        credential = signer.credential
        logger.info("stamps are signed as %s from now on, until %s", credential.subject, f"{credential.expires:%Y-%m-%d}")

    def _keep(self, err: SigningError) -> None:
        if self._said is None or self._said[0] != err.code or self._clock() - self._said[1] >= _SAY_AGAIN_AFTER:
            self._said = (err.code, self._clock())
            if self._stamper is None:
                logger.error("the signer cannot be used: %s: %s", err.code, err)
            elif isinstance(err, SignerUnavailable):
                logger.warning("whether there is a new credential cannot be seen: %s: %s", err.code, err)
            else:
                logger.error("a new credential is refused, the old one stays in force: %s: %s", err.code, err)
        if self._stamper is None:
            self._failure = err
        elif not isinstance(err, SignerUnavailable):
            self._refused = err

    def _warn_of_the_end(self) -> None:
        if self._stamper is None:
            return
        at, expires = self._clock(), self._stamper.signer.credential.expires
        due = self._warned is None or at - self._warned >= _WARN_EVERY
        if due and expires - at < timedelta(days=self._settings.credential_alarm_days):
            self._warned = at
            if expires < at:
                logger.error("the signing credential has ended on %s, and nothing is stamped", f"{expires:%Y-%m-%d %H:%M} UTC")
            else:
                logger.warning("the signing credential ends on %s, in %d days", f"{expires:%Y-%m-%d}", (expires - at).days)

    def _watch(self) -> None:
        while not self._stop.wait(self._settings.credential_check_interval_s):
            try:
                self.look()
            except Exception:
                logger.exception("looking after the signing credential failed")
