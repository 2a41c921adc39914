"""`assay keys`: the development credential of this installation, and what credentials there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.environment import DEVELOPMENT_SIGNER, load_settings
from api.commands.outcome import emit, failures, tell

if TYPE_CHECKING:
    from provenance.keys import Credential

app = typer.Typer(help="Signing credentials.", no_args_is_help=True)


@app.command("init")
def init(
    days: Annotated[int, typer.Option(min=1, max=366, help="How long the certificate is valid.")] = 90,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Make a development authority and a signing certificate under it. They prove nothing to anyone else."""
    with failures(as_json=as_json):
        from provenance.keys import create_development_credential, development_directory

        home = load_settings().home
        credential = create_development_credential(home, now=datetime.now(UTC), days=days)
        if as_json:
            emit(_row(DEVELOPMENT_SIGNER, credential))
            return
        tell(f"development credential in {development_directory(home)}, valid until {credential.not_after:%Y-%m-%d}")
        tell("it is for trying things out: every report of an image signed with it says development")


@app.command("list")
def list_credentials(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per credential and line.")] = False,
) -> None:
    """List the credentials the command line and the service would sign with."""
    with failures(as_json=as_json):
        from provenance.keys import development_directory, signer_from_uri

        settings = load_settings()
        uris = [DEVELOPMENT_SIGNER] if development_directory(settings.home).is_dir() else []
        if settings.signer_uri and settings.signer_uri not in uris:
            uris.append(settings.signer_uri)
        rows = [_row(uri, signer_from_uri(uri, home=settings.home).credential) for uri in uris]
        if as_json:
            for row in rows:
                emit(row)
            return
        if not rows:
            tell("no credential; `assay keys init` makes one for development")
            return
        from api.commands.tables import print_table

        print_table(list(rows[0]), ([str(value) for value in row.values()] for row in rows))


def _row(uri: str, credential: Credential) -> dict[str, Any]:
    return {
        "signer": uri,
        "subject": credential.subject,
        "algorithm": str(credential.algorithm),
        "not_after": credential.not_after.isoformat(),
        "expired": credential.not_after < datetime.now(UTC),
        "development": credential.development,
    }
