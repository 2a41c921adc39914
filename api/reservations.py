"""Fetch an asset together with what its server says of mining it.

The server is asked for its rules (`/.well-known/tdmrep.json`) only where the response itself says nothing, through the same
guarded fetcher and at the origin the asset came from. That it has none, or does not answer, changes nothing about the asset.

Source: TDM Reservation Protocol, W3C Final Community Group Report, 10 May 2024.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from api.fetching import Fetcher, FetchLimits
from provenance.errors import FetchError
from provenance.metadata.tdmrep import MAX_FILE_BYTES, WELL_KNOWN_PATH, Reservation, file_reservation, header_reservation

if TYPE_CHECKING:
    from api.settings import Settings

_MAX_WAIT_S: Final = 3.0
"""Longest wait for the rules, which no verdict needs."""

logger = logging.getLogger("assay.fetching")


@dataclass(frozen=True, slots=True)
class FetchedAsset:
    """The bytes behind a URL, and what their server says of mining them; None where it was not asked."""

    data: bytes
    reservation: Reservation | None


def fetch_asset(url: str, settings: Settings) -> FetchedAsset:
    """The asset behind `url`, within the limits of `settings`.

    Raises:
        FetchError: As `api.fetching.Fetcher.get`, of the asset; never of the rules.
    """
    wait, redirects = settings.fetch_timeout_s, settings.fetch_max_redirects
    limits = FetchLimits(settings.max_asset_bytes, total_s=wait, connect_s=min(5.0, wait), max_redirects=redirects)
    if not settings.tdm_reservations_enabled:
        return with_reservation(url, Fetcher(limits), None)
    wait = min(_MAX_WAIT_S, wait)
    of_rules = FetchLimits(MAX_FILE_BYTES, total_s=wait, connect_s=wait, max_redirects=redirects)
    return with_reservation(url, Fetcher(limits), Fetcher(of_rules, accept="application/json"))


def with_reservation(url: str, assets: Fetcher, rules: Fetcher | None) -> FetchedAsset:
    """The asset behind `url`.

    Args:
        url: Whatever somebody asked for.
        assets: Who fetches the asset.
        rules: Who fetches the rules; none: the server is not asked what it reserves.

    Raises:
        FetchError: As `Fetcher.get`, of the asset.
    """
    fetched = assets.get(url)
    if rules is None:
        return FetchedAsset(fetched.body, None)
    said = header_reservation(fetched.headers)
    if said is None:
        at = urlsplit(fetched.url)
        path = f"{at.path}?{at.query}" if at.query else at.path
        try:
            said = file_reservation(rules.get(f"{at.scheme}://{at.netloc}{WELL_KNOWN_PATH}").body, path)
        except FetchError as err:
            logger.info("no rules on mining from the origin of an asset: %s", err.code)
            said = Reservation()
    return FetchedAsset(fetched.body, said)
