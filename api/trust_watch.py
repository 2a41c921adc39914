"""Trust lists of a running process: a newer one is taken up without a restart, and one that got too old stops checks.

The files are looked at whenever somebody asks, at most once in an interval: names, sizes and times of change, and only where
those differ the lists themselves. A list that cannot be used leaves those in force as they are and is an alarm, in the log and
in readiness. One older than `trust_stale_days` is refused, as it is at the start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from api.composition import build_trust, load_trust
from api.settings import Settings
from provenance.errors import TrustListStale, TrustStoreError
from provenance.keys import development_directory
from provenance.trust.revocation import Revocations

_LOOK_EVERY_S: Final = 5.0
_AGE_EVERY_S: Final = 3600.0

logger = logging.getLogger("assay.trust")

_Files = tuple[tuple[str, int, int], ...]


class TrustWatch:
    """Knows the lists in force; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        changed: Callable[[], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is read yet: the first look takes what is there as known.

        Args:
            settings: Where lists are, and how old they may be.
            changed: Told when other lists, or other revocations, take the place of those before; from the thread that looked.
            monotonic: Seconds, for the interval.
            clock: Current time, with a time zone, for ages.
        """
        self._settings = settings
        self._changed = changed
        self._monotonic = monotonic
        self._clock = clock
        self._lock = threading.Lock()
        self._due = self._aged = float("-inf")
        self._files: _Files | None = None
        self._refused: str | None = None
        self._stale: TrustListStale | None = None

    def look(self) -> None:
        """Take up newer lists, if it is time to look.

        Raises:
            TrustListStale: A list in force is older than allowed.
            TrustStoreError: There are no lists yet that could be used.
        """
        with self._lock:
            now = self._monotonic()
            if now >= self._due:
                self._due = now + _LOOK_EVERY_S
                self._look(now)
            stale = self._stale
        if stale is not None:
            raise TrustListStale(str(stale))

    @property
    def state(self) -> str:
        """How it stands with the lists, in a few words that give nothing away: "ok", "alarm: ..." or "unavailable: CODE"."""
        try:
            self.look()
        except TrustStoreError as err:
            return f"unavailable: {err.code}"
        return "ok" if self._refused is None else f"alarm: new trust lists were refused: {self._refused}"

    def _look(self, now: float) -> None:
        files = _files(self._settings)
        if files != self._files:
            self._take_up(files)
        elif now >= self._aged:
            self._age()
        else:
            return
        self._aged = now + _AGE_EVERY_S

    def _take_up(self, files: _Files) -> None:
        try:
            store, _ = load_trust(self._settings), Revocations.load(self._settings.home)
        except TrustStoreError as err:
            if self._files is None:
                raise
            if self._refused is None:
                logger.error("new trust lists cannot be used, those before stay in force: %s", err)
            self._refused = err.code
            return  # looked at again until they are put right
        first, self._files, self._refused = self._files is None, files, None
        self._age()
        if not first:
            logger.info("trust lists taken up: %s", ", ".join(entry.name for entry in store.lists) or "none")
            self._changed()

    def _age(self) -> None:
        try:
            build_trust(self._settings, at=self._clock())  # which warns of old ones
            self._stale = None
        except TrustListStale as err:
            logger.error("%s", err)
            self._stale = err


def _files(settings: Settings) -> _Files:
    """Every file that lists are read from, with what tells whether it changed."""
    folders = (settings.home / "trust", development_directory(settings.home))
    # Not rglob, which does not look into folders that are symbolic links, while whoever reads the lists does.
    found = (path for folder in folders for depth in ("*", "*/*") for path in folder.glob(depth))
    paths = sorted({*settings.trust_files, *found})
    return tuple((str(path), *_stat(path)) for path in paths)


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, -1)
    return (found.st_mtime_ns, found.st_size)
