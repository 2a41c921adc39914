"""`assay report`: check a signed report, offline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.environment import load_settings, with_trust
from api.commands.files import read_bytes
from api.commands.outcome import emit, failures, tell
from provenance.verdict import ExitCode

if TYPE_CHECKING:
    from cryptography import x509

    from api.report_signature import ReportSignatureResult
    from provenance.trust.store import TrustStore

app = typer.Typer(help="Signed reports.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Signed reports."""  # a group of one command stays a group


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A signed report as JSON.")],
    trust: Annotated[list[Path] | None, typer.Option(help="PEM file of trust anchors beside those installed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check who signed a report and that nothing in it was changed. No network.

    Exit code: 0 the signature holds and its signer is trusted, 1 it holds and its signer is not trusted, 3 it does not hold.
    """
    with failures(as_json=as_json, paths=[file]):
        from api import composition
        from api.report_signature import MAX_REPORT_BYTES, verify_report

        settings = with_trust(load_settings(), trust)
        anchors = report_anchors(composition.build_trust(settings))
        data = read_bytes(file, max_bytes=MAX_REPORT_BYTES)
        result = verify_report(data, anchors, at=datetime.now(UTC))
        if as_json:
            _emit(file, result)
        else:
            _say(file, result)
    raise typer.Exit(ExitCode.NO_FINDING if result.trusted else ExitCode.FINDING)


def report_anchors(store: TrustStore) -> list[x509.Certificate]:
    """Anchors of the lists that are there for signers."""
    from cryptography import x509

    from provenance.trust.store import TrustPurpose

    lists = (entry for entry in store.lists if entry.purpose is TrustPurpose.SIGNERS and entry.anchors_pem)
    return [certificate for entry in lists for certificate in x509.load_pem_x509_certificates(entry.anchors_pem)]


def _emit(file: Path, result: ReportSignatureResult) -> None:
    emit(
        {
            "path": str(file),
            "trusted": result.trusted,
            "code": result.code,
            "explanation": result.explanation,
            "signer": result.signer,
            "signed_at": result.signed_at.isoformat().replace("+00:00", "Z"),
            "algorithm": result.algorithm,
            "development": result.development,
            "asset_sha256": result.document.asset.sha256,
            "conclusion": str(result.document.verdict.conclusion),
        }
    )


def _say(file: Path, result: ReportSignatureResult) -> None:
    from api.commands.tables import print_table

    standing = f"{'trusted' if result.trusted else 'not trusted'} ({result.code}: {result.explanation})"
    if result.development:
        standing += "; a development credential, which proves nothing outside the installation that made it"
    rows = [
        ["signature", f"holds ({result.algorithm})"],
        ["signer", result.signer],
        ["standing", standing],
        ["signed at", f"{result.signed_at:%Y-%m-%d %H:%M:%S} UTC, as the signer says"],
        ["asset", result.document.asset.sha256],
        ["conclusion", str(result.document.verdict.conclusion)],
    ]
    print_table(["report", str(file)], rows)
    if not result.trusted:
        tell("the report is whole, but nobody here vouches for its signer")
