"""`assay score`: what the detector measures, without a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from api.commands.environment import load_settings
from api.commands.files import read_asset
from api.commands.outcome import emit, exit_code_of, failures, say_error, worst
from api.commands.parsing import begin_parsing
from api.commands.progress import progress
from provenance.errors import DetectorError
from provenance.verdict import ExitCode

if TYPE_CHECKING:
    from detector.engines import EngineName
    from provenance.asset import Asset
    from provenance.evidence import Examiner


def score(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Images.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file and line, errors included.")] = False,
    card: Annotated[str | None, typer.Option(help="A detector that ships, or a path to its card.")] = None,
    engine: Annotated[str, typer.Option(help="auto, onnxruntime or torch.")] = "auto",
) -> None:
    """Measure how much the pixels look generated: a calibrated log-likelihood ratio, positive favours synthetic.

    Exit code: 0 nothing flagged (an abstention is not a flag), 1 flagged at the operating point, 3 error.
    """
    parsers_for = begin_parsing(context)
    with failures(as_json=as_json, paths=files):
        settings, examiner = load_settings(), load_examiner(card, engine)
        parsers = parsers_for(settings)
    from provenance.isolation.examiners import gathered

    codes: list[ExitCode] = []
    rows: list[dict[str, Any]] = []
    with progress(len(files)) as step:
        for path in files:
            try:
                asset = read_asset(path, max_bytes=settings.max_asset_bytes)
                (looking,) = gathered(asset, [examiner], parsers, max_pixels=settings.max_asset_pixels)
                row = score_row(str(path), asset, looking)
            except Exception as err:  # one bad file must not cost the others
                codes.append(exit_code_of(err))
                say_error(str(path), err, as_json=as_json)
            else:
                codes.append(ExitCode.FINDING if row["flagged"] else ExitCode.NO_FINDING)
                if as_json:
                    emit(row)
                else:
                    rows.append(row)
            step()
    if rows:
        _print(rows)
    raise typer.Exit(worst(codes))


def load_examiner(card: str | None, engine: str) -> Examiner:
    """A detector as an examiner.

    Args:
        card: Name of a card that ships, or a path to one; none: the default.
        engine: auto, onnxruntime or torch.

    Raises:
        DetectorError: Its libraries, card or weights are missing, or the weights are not those of the card.
    """
    try:
        from detector.cards import DEFAULT_CARD
        from detector.examiner import DetectorExaminer
        from detector.scoring import load_detector
    except ImportError as err:
        raise DetectorError(f"the detector is not installed: {err}") from err
    # The engine's name is checked where engines are opened, and refused in words.
    return DetectorExaminer(load_detector(card or DEFAULT_CARD, cast("EngineName", engine)))


def score_row(path: str, asset: Asset, examiner: Examiner) -> dict[str, Any]:
    """What `score --json` prints of one image: `path, sha256, llr, p_synthetic, flagged, abstained, reason, card`.

    Raises:
        DetectorError: The detector found neither a score nor a reason to abstain.
    """
    from provenance.evidence import StatusEvidence, scores
    from provenance.status_codes import DETECTOR_ABSTAINED

    evidence = examiner.examine(asset)
    row: dict[str, Any] = {"path": path, "sha256": asset.sha256, "llr": None, "p_synthetic": None, "flagged": None}
    card = examiner.name.removeprefix("detector:")
    for measured in scores(evidence):
        row.update(llr=measured.llr, p_synthetic=measured.p_synthetic, flagged=measured.flagged)
        return {**row, "abstained": False, "reason": None, "card": card}
    for status in evidence:
        if isinstance(status, StatusEvidence) and status.code == DETECTOR_ABSTAINED:
            return {**row, "abstained": True, "reason": status.explanation, "card": card}
    raise DetectorError(f"{examiner.name} returned neither a score nor an abstention")


def _print(rows: list[dict[str, Any]]) -> None:
    from api.commands.tables import print_table

    def cells(row: dict[str, Any]) -> list[str]:
        if row["abstained"]:
            return [row["path"], "", "", f"abstains: {row['reason']}"]
        return [row["path"], f"{row['llr']:+.3f}", f"{row['p_synthetic']:.1%}", "flagged" if row["flagged"] else "not flagged"]

    print_table(["image", "LLR", "p(synthetic)", "at the operating point"], map(cells, rows), title=rows[0]["card"])
