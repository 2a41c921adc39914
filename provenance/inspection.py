"""Check one asset: let every examiner look, then let the policy decide.

No network and no clock in here: the time of the inspection is passed in. An examiner that fails becomes evidence with
outcome "unavailable", because an examiner that could not run has not found nothing. A report is for strangers: what failed
inside this machine is told without the paths it failed on, and the log has the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from provenance.asset import Asset
from provenance.errors import AssayError, AssetError, ExaminerError
from provenance.evidence import Evidence, Examiner, Outcome, StatusEvidence
from provenance.status_codes import EXAMINER_UNAVAILABLE
from provenance.verdict import Verdict, VerdictPolicy

_ABOUT_THE_ASSET = (AssetError, ExaminerError)
"""Failures whose messages speak of the asset, and not of this machine."""

logger = logging.getLogger("assay.inspection")


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, by whom, what they found and what follows."""

    asset_sha256: str
    media_type: str
    asset_bytes: int
    inspected_at: datetime
    evidence: tuple[Evidence, ...]
    verdict: Verdict
    policy_version: str
    examiners: tuple[str, ...]
    """Name and version of every examiner that was asked."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Everything else that took part, such as trust lists and libraries."""


def inspect(
    asset: Asset,
    examiners: Sequence[Examiner],
    policy: VerdictPolicy,
    *,
    at: datetime,
    versions: Mapping[str, str] | None = None,
) -> Report:
    """Examine `asset` and decide.

    Args:
        asset: The asset, already within limits.
        examiners: Who looks, in the order their evidence is listed. At least one.
        policy: How evidence becomes a verdict.
        at: Time of the inspection, with a time zone.
        versions: What else took part, to be named in the report.

    Raises:
        ValueError: There is no examiner, so that nothing found would mean nothing looked for; or `at` has no zone.
    """
    if not examiners:
        raise ValueError("an inspection without examiners finds nothing by construction")
    if at.tzinfo is None:
        raise ValueError("the time of an inspection needs a time zone")
    evidence = tuple(e for examiner in examiners for e in _examine(examiner, asset))
    return Report(
        asset_sha256=asset.sha256,
        media_type=asset.media_type,
        asset_bytes=len(asset.data),
        inspected_at=at,
        evidence=evidence,
        verdict=policy.decide(evidence),
        policy_version=policy.version,
        examiners=tuple(examiner.name for examiner in examiners),
        versions=dict(versions or {}),
    )


def _examine(examiner: Examiner, asset: Asset) -> Sequence[Evidence]:
    try:
        return tuple(examiner.examine(asset))
    except Exception as err:  # a defect in one examiner must cost its own evidence only, and must be seen
        if not isinstance(err, AssayError):
            logger.exception("%s failed on %s", examiner.name, asset.sha256[:12])
        elif not isinstance(err, _ABOUT_THE_ASSET):
            logger.error("%s failed on %s: %s: %s", examiner.name, asset.sha256[:12], err.code, err)
        reason = public_reason(err)
    return [StatusEvidence(examiner.name, EXAMINER_UNAVAILABLE, Outcome.UNAVAILABLE, explanation=reason)]


def public_reason(err: Exception) -> str:
    """Why an examiner is unavailable, for a report: the code, and no path or host of this machine."""
    if isinstance(err, _ABOUT_THE_ASSET):
        return f"{err.code}: {err}"
    if isinstance(err, AssayError):
        return f"{err.code}: {err.description()}"
    return f"{type(err).__name__}: not foreseen; the log has the rest"
