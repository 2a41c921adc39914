"""`assay trust`: whose signatures are trusted here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.environment import load_settings, with_trust
from api.commands.outcome import emit, failures, tell

app = typer.Typer(help="Trust anchors.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Trust anchors."""  # a group of one command stays a group


@app.command("show")
def show(
    trust: Annotated[list[Path] | None, typer.Option(help="PEM file of trust anchors beside those installed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per list and line.")] = False,
) -> None:
    """Show the trust lists in force."""
    with failures(as_json=as_json):
        from cryptography import x509

        from api import composition

        settings = with_trust(load_settings(), trust)
        rows = [
            {
                "name": entry.name,
                "purpose": str(entry.purpose),
                "tier": str(entry.tier),
                "anchors": len(x509.load_pem_x509_certificates(entry.anchors_pem)) if entry.anchors_pem else 0,
                "allowed": len(x509.load_pem_x509_certificates(entry.allowed_pem)) if entry.allowed_pem else 0,
                "sha256": entry.sha256,
            }
            for entry in composition.build_trust(settings).lists
        ]
        if as_json:
            for row in rows:
                emit(row)
            return
        if not rows:
            tell(f"no trust list: nobody is trusted. PEM files go to {settings.home / 'trust' / 'signers'}")
            return
        from api.commands.tables import print_table

        print_table(list(rows[0]), ([str(value) for value in row.values()] for row in rows))
