"""`assay tokens`: API keys of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.environment import load_settings
from api.commands.outcome import emit, failures, tell
from provenance.errors import UsageInvalid

if TYPE_CHECKING:
    from api.database import Database

app = typer.Typer(help="API keys of the service.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is for.")],
    scope: Annotated[list[str], typer.Option(help="check, stamp, generate or admin; may be repeated.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Make an API key. It is shown now and never again."""
    with failures(as_json=as_json):
        from api.auth import Scope, create_key

        try:
            scopes = [Scope(text) for text in scope]
        except ValueError as err:
            raise UsageInvalid(f"{err}; scopes are {', '.join(Scope)}") from err
        key = create_key(_database(), name, scopes)
        if as_json:
            emit({"id": key.key_id, "name": key.name, "scopes": sorted(key.scopes), "key": key.text})
            return
        typer.echo(key.text)
        tell(f"key {key.key_id} for {key.name} ({', '.join(sorted(key.scopes))}); this is the only time it is shown")


@app.command("list")
def list_tokens(as_json: Annotated[bool, typer.Option("--json", help="One JSON object per key and line.")] = False) -> None:
    """List API keys, without what they are."""
    with failures(as_json=as_json):
        from api.auth import list_keys

        rows = [
            {
                "id": key.key_id,
                "name": key.name,
                "scopes": sorted(key.scopes),
                "created_at": key.created_at.isoformat(),
                "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
            }
            for key in list_keys(_database())
        ]
        if as_json:
            for row in rows:
                emit(row)
            return
        from api.commands.tables import print_table

        columns = ["id", "name", "scopes", "created_at", "revoked_at"]
        cells = (
            [str(r["id"]), str(r["name"]), " ".join(r["scopes"] or ()), str(r["created_at"]), str(r["revoked_at"] or "")]
            for r in rows
        )
        print_table(columns, cells)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `assay tokens list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Revoke an API key, from now on."""
    with failures(as_json=as_json):
        from api.auth import revoke_key

        if not revoke_key(_database(), key_id):
            raise UsageInvalid(f"there is no key {key_id} in force")
        if as_json:
            emit({"id": key_id, "revoked": True})
        else:
            tell(f"key {key_id} is revoked")


def _database() -> Database:
    from api.database import open_database

    settings = load_settings()
    return open_database(settings.database_url, home=settings.home)
