"""`assay conformance`: one asset, the lists and the time in; crJSON out, as a conformance test harness wants it.

Only the lists named on the command line are trusted, nothing installed. The document on stdout holds C2PA's own codes alone;
what we find beside them goes to stderr as one JSON object. The file is one of the tester's own: it is parsed in this process.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.commands.files import read_asset, read_bytes
from api.commands.outcome import emit
from provenance.errors import ExaminerError, UsageInvalid

if TYPE_CHECKING:
    from provenance.evidence import Evidence
    from provenance.trust.store import TrustStore
    from provenance.verdict import Verdict

MAX_SIDECAR_BYTES: Final = 32 * 2**20
MAX_LIST_BYTES: Final = 4 * 2**20
_OURS: Final = ("manifest.", "examiner.")


def conformance(
    asset: Annotated[Path, typer.Argument(help="The file to validate.")],
    *,
    trust_list: Annotated[list[Path] | None, typer.Option(help="PEM file of anchors for claim signers.")] = None,
    tsa_list: Annotated[list[Path] | None, typer.Option(help="PEM file of anchors for time-stamping authorities.")] = None,
    identity_list: Annotated[list[Path] | None, typer.Option(help="PEM file of anchors for identities (CAWG).")] = None,
    time: Annotated[str | None, typer.Option(help="Time to validate at, ISO 8601 with a zone; now by default.")] = None,
    sidecar: Annotated[Path | None, typer.Option(help="A manifest store that came beside the file.")] = None,
) -> None:
    """Validate one file against these lists at this time, and print crJSON; our own findings go to stderr.

    Exit code: as `assay check`, of the manifest alone.
    """
    from provenance.asset import MAX_ASSET_BYTES
    from provenance.reader import C2paExaminer
    from provenance.verdict import VerdictPolicy

    at = _time(time)
    store = _store({"manifest": trust_list or (), "tsa": tsa_list or (), "cawg": identity_list or ()})
    beside = read_bytes(sidecar, max_bytes=MAX_SIDECAR_BYTES) if sidecar is not None else None
    examined = read_asset(asset, max_bytes=MAX_ASSET_BYTES)
    examiner = C2paExaminer(store, sidecar=beside, at=at)
    evidence = examiner.examine(examined)
    verdict = VerdictPolicy().decide(evidence)
    try:
        document = examiner.crjson(examined)
    except ExaminerError:
        document = None  # there is a manifest and it cannot be parsed: among our own findings
    emit(document or {"manifests": []})
    typer.echo(json.dumps(_findings(evidence, verdict, at)), err=True)
    raise typer.Exit(verdict.exit_code)


def _findings(evidence: Sequence[Evidence], verdict: Verdict, at: datetime) -> dict[str, Any]:
    from provenance.evidence import StatusEvidence

    ours = [e for e in evidence if isinstance(e, StatusEvidence) and e.code.startswith(_OURS)]
    return {
        "at": at.isoformat(),
        "state": verdict.state,
        "tier": verdict.tier,
        "conclusion": verdict.conclusion,
        "extent": verdict.extent,
        "findings": [asdict(e) for e in ours],
    }


def _store(files: dict[str, Sequence[Path]]) -> TrustStore:
    from provenance.evidence import Tier
    from provenance.trust.store import TrustList, TrustPurpose, TrustStore

    return TrustStore(
        tuple(
            TrustList(f"{index}:{path.name}", TrustPurpose(purpose), Tier.CURRENT, read_bytes(path, max_bytes=MAX_LIST_BYTES))
            for purpose, paths in files.items()
            for index, path in enumerate(paths)
        )
    )


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise UsageInvalid(f"--time must be ISO 8601, such as 2026-08-05T00:00:00Z: {err}") from err
    if at.tzinfo is None:
        raise UsageInvalid("--time needs a zone, such as Z")
    return at
