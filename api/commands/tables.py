"""Reports and lists as tables for people. Strings from images are shown without control characters and never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.commands.outcome import printable
from api.report_document import DeclarationPart, ReportDocument, StatusPart
from provenance.evidence import C2PA_EXAMINER, IDENTITY_EXAMINER, Forgeability, Outcome, Permission, Relationship, Tier
from provenance.status_codes import DETECTOR_ABSTAINED, IDENTITY_TRUSTED
from provenance.verdict import Conclusion, ProvenanceState

PIPE_WIDTH: Final = 120
_STYLES: Final = {
    Conclusion.ALTERED: "bold red",
    Conclusion.DECLARED_SYNTHETIC: "bold magenta",
    Conclusion.RECOVERED_SYNTHETIC: "bold magenta",
    Conclusion.LIKELY_SYNTHETIC: "bold yellow",
    Conclusion.TRUSTED_ORIGIN: "bold green",
    Conclusion.INCONCLUSIVE: "bold",
}

_STATES: Final = {
    ProvenanceState.TRUSTED: "trusted",
    ProvenanceState.UNKNOWN_SIGNER: "unknown_signer: its manifest is intact, and nobody here vouches for its signer",
    ProvenanceState.INVALID: "invalid: it carries a manifest that does not hold",
    ProvenanceState.ABSENT: "absent: no manifest is embedded",
    ProvenanceState.RECOVERED: "recovered: its manifest was stripped and found again",
}

_FORGING: Final = {
    Forgeability.SIGNED: "the signer's private key",
    Forgeability.KEYED: "the secret key",
    Forgeability.PUBLIC: "a public encoder",
    Forgeability.TEXT: "a text editor",
}

_ANSWERS: Final = {
    Permission.ALLOWED: "allowed",
    Permission.NOT_ALLOWED: "not allowed",
    Permission.CONSTRAINED: "only on terms",
}


def print_reports(reports: Sequence[tuple[str, ReportDocument]]) -> None:
    """One block per image for up to three, one row per image for more."""
    console = _console()
    if len(reports) > 3:
        _summary(console, reports)
        return
    for path, document in reports:
        _block(console, path, document)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """A plain table on stdout."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # a digest cut short is no digest
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    _console().print(table)


def _block(console: Console, path: str, document: ReportDocument) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    verdict = document.verdict
    table.add_row("conclusion", _conclusion(document))
    table.add_row("provenance", _plain(_provenance(document)))
    for actor in _actors(document):
        table.add_row("identity", _plain(actor))
    for item in verdict.basis:
        forging = f" (to forge it takes {_FORGING[item.forgeable]})" if item.forgeable else ""
        table.add_row(f"{item.layer}", _plain(f"{item.weight}: {item.statement}{forging}"))
    if not verdict.basis:
        table.add_row("basis", _plain(f"{_undecided(document)}; that is no sign of a photograph"))
    table.add_row("detector", _plain(_detection(document)))
    for status in _telling(document):
        table.add_row(f"{status.outcome}", _plain(f"{status.examiner}: {status.code} {status.explanation}".rstrip()))
    for wish in _wishes(document):
        table.add_row("wish", _plain(wish))
    table.add_row("sha256", _plain(document.asset.sha256))
    console.print(_plain(path), style="bold", highlight=False)
    console.print(table, highlight=False)


def _summary(console: Console, reports: Sequence[tuple[str, ReportDocument]]) -> None:
    table = Table()
    for column in ("image", "conclusion", "provenance", "detector", "basis"):
        table.add_column(column, overflow="fold")
    for path, document in reports:
        basis = next((item.statement for item in document.verdict.basis), _undecided(document))
        table.add_row(
            _plain(path), _conclusion(document), _plain(_provenance(document)), _plain(_detection(document)), _plain(basis)
        )
    console.print(table)


def _conclusion(document: ReportDocument) -> Text:
    extent = f" ({document.verdict.extent})" if document.verdict.extent else ""
    return Text(f"{document.verdict.conclusion}{extent}", style=_STYLES[document.verdict.conclusion])


def _provenance(document: ReportDocument) -> str:
    state, tier = document.provenance.state, document.provenance.tier
    said = _STATES[state] if state else _unseen(document)
    if tier is Tier.DEVELOPMENT:
        return f"{said}, by a development credential: it proves nothing outside the installation that made it"
    return f"{said} ({tier})" if tier else said


def _unseen(document: ReportDocument) -> str:
    return "unknown: the manifest could not be looked at" if C2PA_EXAMINER in document.examiners else "not looked at"


def _undecided(document: ReportDocument) -> str:
    statuses = [e for e in document.evidence if isinstance(e, StatusPart)]
    absent = dict.fromkeys(e.examiner for e in statuses if e.outcome is Outcome.UNAVAILABLE)
    abstaining = dict.fromkeys(e.examiner for e in statuses if e.code == DETECTOR_ABSTAINED)
    said = [f"{', '.join(names)} {what}" for names, what in ((absent, "could not run"), (abstaining, "abstained")) if names]
    return "; ".join(["no finding decides", *said])


def _detection(document: ReportDocument) -> str:
    found = document.detection
    if found.llr is not None and found.p_synthetic is not None and found.operating_point is not None:
        flag = "flagged" if found.flagged else "not flagged"
        posterior = f"{found.p_synthetic:.1%} at a prior of {found.prior:.1%}"
        return f"LLR {found.llr:+.2f}, {flag} at {found.operating_point.name}; {posterior}"
    if found.abstained:
        return f"abstains: {found.reason}"
    return f"unavailable: {found.reason}" if found.reason else "not asked"


def _actors(document: ReportDocument) -> Iterator[str]:
    """Who else vouches, and whether that is anyone we know."""
    trusted = {e.locator for e in document.evidence if isinstance(e, StatusPart) and e.code == IDENTITY_TRUSTED}
    for part in document.evidence:
        if isinstance(part, DeclarationPart) and part.examiner == IDENTITY_EXAMINER:
            roles = f" as {', '.join(role.removeprefix('cawg.') for role in part.roles)}" if part.roles else ""
            standing = "trusted" if part.locator in trusted else "unknown here"
            yield f"{part.signer} vouches{roles} ({standing})" if part.signer else "somebody is said to vouch; it does not hold"


def _wishes(document: ReportDocument) -> Iterator[str]:
    """What rights holders wish for mining and training, and where they say so."""
    for e in document.evidence:
        if isinstance(e, DeclarationPart) and e.wishes and e.relationship is Relationship.ASSET:
            said = [
                f"{wish.use.name.lower().replace('_', ' ')} {_ANSWERS[wish.permission]}"
                + (f" ({wish.constraint})" if wish.constraint else "")
                for wish in e.wishes
            ]
            yield f"{', '.join(said)}; says {e.locator or e.examiner}"


def _telling(document: ReportDocument) -> list[StatusPart]:
    shown = (Outcome.FAILURE, Outcome.UNAVAILABLE)
    # What the detector could not do stands in its own line.
    return [
        e
        for e in document.evidence
        if isinstance(e, StatusPart) and e.outcome in shown and e.examiner != document.detection.examiner
    ]


def _plain(text: str) -> Text:
    return Text(printable(text))


def _console() -> Console:
    console = Console()
    # In a pipe rich assumes 80 columns, which breaks digests over lines.
    return console if console.is_terminal else Console(width=PIPE_WIDTH)
