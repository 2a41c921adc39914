"""Follow an asset's pointer to a manifest that is kept elsewhere, if the operator wants that; the file chooses the address.

Only the guarded fetcher goes there (`api.fetching`): public addresses, bounded size and time. What came is validated against
the asset like a manifest that lay beside it, and the report says from which host it came. That it could not be had, or may not,
is evidence and no error: the asset itself is as it was.

Source: C2PA Technical Specification 2.3, "External manifests".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from api.fetching import Fetcher, FetchLimits
from provenance.asset import Asset
from provenance.errors import FetchError, FetchRefused
from provenance.evidence import C2PA_EXAMINER, Evidence, Examiner, Outcome, StatusEvidence
from provenance.quoting import quoted
from provenance.status_codes import MANIFEST_REMOTE, MANIFEST_REMOTE_FETCHED, MANIFEST_REMOTE_UNFETCHED

MAX_MANIFEST_BYTES: Final = 32 * 2**20
MEDIA_TYPES: Final = ("application/c2pa", "application/x-c2pa-manifest-store", "application/octet-stream")
"""What a manifest store may be declared as. A page or a picture at the address is not parsed as one."""

Validate = Callable[[bytes], Sequence[Evidence]]
"""Evidence of the manifest examiner on the asset and this manifest store."""


def manifest_fetcher(*, timeout_s: float, max_redirects: int) -> Fetcher:
    """The fetcher for manifests, as guarded as for assets."""
    limits = FetchLimits(MAX_MANIFEST_BYTES, total_s=timeout_s, connect_s=min(5.0, timeout_s), max_redirects=max_redirects)
    return Fetcher(limits, accept=", ".join(MEDIA_TYPES))


@dataclass(frozen=True, slots=True)
class RemoteManifestExaminer:
    """The manifest examiner, and once more with the manifest the asset points to."""

    examiner: Examiner
    validate: Validate
    fetcher: Fetcher

    @property
    def name(self) -> str:
        """As the one within."""
        return self.examiner.name

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """What the examiner found; where that is a pointer, what it found of the manifest there, or why there is none.

        Raises:
            ExaminerError, AssetError, IsolationUnavailable: As the examiner.
        """
        evidence = self.examiner.examine(asset)
        url = _remote_url(evidence)
        if url is None:
            return evidence
        try:
            store = self._store(url)
        except FetchError as err:
            why = quoted(f"{err.code}: {err}")
            return [*evidence, StatusEvidence(self.name, MANIFEST_REMOTE_UNFETCHED, Outcome.INFORMATIONAL, url, why)]
        host = quoted(urlsplit(url).hostname)
        why = f"{len(store)} bytes fetched from {host}; what follows is of that manifest"
        return [StatusEvidence(self.name, MANIFEST_REMOTE_FETCHED, Outcome.INFORMATIONAL, url, why), *self.validate(store)]

    def _store(self, url: str) -> bytes:
        fetched = self.fetcher.get(url)
        if fetched.media_type not in MEDIA_TYPES:
            raise FetchRefused(f"what is there is declared as {fetched.media_type or 'nothing'}, not as a manifest store")
        return fetched.body


def _remote_url(evidence: Sequence[Evidence]) -> str | None:
    found = (e for e in evidence if isinstance(e, StatusEvidence) and e.examiner == C2PA_EXAMINER)
    return next((e.locator for e in found if e.code == MANIFEST_REMOTE), None)
