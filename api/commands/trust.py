"""`assay trust`: whose signatures are trusted here, and taking in newer lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.environment import load_settings, with_trust
from api.commands.files import read_bytes
from api.commands.outcome import emit, failures, tell
from provenance.errors import TrustStoreError, TrustUpdateRefused, UsageInvalid
from provenance.trust.list_kind import ListKind

if TYPE_CHECKING:
    from api.settings import Settings
    from provenance.trust.snapshots import ListSnapshot
    from provenance.trust.store import TrustList
    from provenance.trust.updates import ListChange

app = typer.Typer(help="Trust anchors.", no_args_is_help=True)


@app.command("show")
def show(
    trust: Annotated[list[Path] | None, typer.Option(help="PEM file of trust anchors beside those installed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per list and line.")] = False,
) -> None:
    """Show the trust lists in force, with their age in days."""
    with failures(as_json=as_json):
        from api import composition

        settings = with_trust(load_settings(), trust)
        at = datetime.now(UTC)
        store = composition.load_trust(settings)
        rows = [_row(entry, at) for entry in store.lists]
        if as_json:
            for row in rows:
                emit(row)
            return
        if not rows:
            tell(f"no trust list: nobody is trusted. PEM files go to {settings.home / 'trust' / 'signers'}")
            return
        from api.commands.tables import print_table

        columns = [name for name in rows[0] if name not in ("source", "terms", "checked")]
        print_table(columns, (["" if row[name] is None else str(row[name]) for name in columns] for row in rows))
        print_table(["name", "source"], ([row["name"], row["source"]] for row in rows if row["source"]))
        for entry in store.older_than(settings.trust_max_age_days, at):
            tell(f"{entry.name} is {entry.age_days(at)} days old; run `assay trust update`")


def _row(entry: TrustList, at: datetime) -> dict[str, Any]:
    from cryptography import x509

    published = entry.publication
    return {
        "name": entry.name,
        "purpose": str(entry.purpose),
        "tier": str(entry.tier),
        "issued": published and published.issued.isoformat(),
        "age_days": entry.age_days(at),
        "anchors": len(x509.load_pem_x509_certificates(entry.anchors_pem)) if entry.anchors_pem else 0,
        "allowed": len(x509.load_pem_x509_certificates(entry.allowed_pem)) if entry.allowed_pem else 0,
        "source": published and published.source,
        "sha256": entry.sha256,
        "terms": published and published.terms,
        "checked": published and published.checked,
    }


@app.command("update")
def update(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="File or URL of a list: PEM, or C2PA's JSON.")],
    *,
    purpose: Annotated[ListKind, typer.Option(help="What the certificates are trusted for.")] = ListKind.SIGNERS,
    sha256: Annotated[str | None, typer.Option(metavar="HEX", help="Digest the list must have.")] = None,
    signature: Annotated[Path | None, typer.Option(metavar="FILE", help="Detached signature over the list.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="PEM", help="Public key that the signature must verify with.")] = None,
    issued: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day a PEM list is of.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Install an older or much shorter list, or one for a damaged one, and keep it.")
    ] = False,
    into: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the snapshot there instead of installing it.")] = None,
    origin: Annotated[str | None, typer.Option(metavar="URL", help="Where SOURCE was published, if elsewhere.")] = None,
    terms: Annotated[str, typer.Option(metavar="TEXT", help="Licence and attribution to keep with the list.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Install a newer published trust list, once a digest or a signature vouches for it."""
    with failures(as_json=as_json):
        from provenance.trust.snapshots import (
            Publication,
            installed_directory,
            read_snapshots,
            snapshot_of,
            snapshots_in_force,
            write_snapshot,
        )
        from provenance.trust.updates import change, parse_list, require_plausible

        settings = load_settings()
        at = datetime.now(UTC)
        data = _bytes_of(source, settings)
        checked = _checked(data, sha256=sha256, signature=signature, key=key)
        published = parse_list(data)
        day = published.issued or (issued.date() if issued else None)
        if day is None:
            raise UsageInvalid("a PEM list has no date: say which day it is of with --issued")
        before, flaw = None, None
        try:
            known = read_snapshots(into) if into else snapshots_in_force(settings.home, shipped=settings.shipped_trust_lists)
            before = next((entry for entry in known if entry.kind is purpose), None)
        except TrustStoreError as err:
            flaw = err
        publication = Publication(day, at.date() if into is None else day, origin or source, checked, terms)
        after = snapshot_of(purpose, published.certificates, publication)
        try:
            if flaw is not None:
                raise TrustUpdateRefused(f"what it would replace cannot be read: {flaw}") from flaw
            require_plausible(before, after, at=at)
        except TrustUpdateRefused as err:
            if not force:
                raise TrustUpdateRefused(f"{err}; --force installs it all the same") from err
            tell(f"forced: {err}")
            after = snapshot_of(purpose, published.certificates, replace(publication, pinned=True))
        write_snapshot(into or installed_directory(settings.home), after)
        _report(after, change(before, after), as_json=as_json)
        if into is None:
            tell("a running service takes the list up by itself")


def _bytes_of(source: str, settings: Settings) -> bytes:
    from provenance.trust.updates import MAX_LIST_BYTES

    if "://" not in source:
        return read_bytes(Path(source), max_bytes=MAX_LIST_BYTES)
    from api.fetching import fetch

    return fetch(
        source, max_bytes=MAX_LIST_BYTES, timeout_s=settings.fetch_timeout_s, max_redirects=settings.fetch_max_redirects
    )


def _checked(data: bytes, *, sha256: str | None, signature: Path | None, key: Path | None) -> str:
    """What vouches for the list, in words; raises if nothing does."""
    from provenance.trust.updates import MAX_LIST_BYTES, require_digest, require_signature

    if (signature is None) != (key is None):
        raise UsageInvalid("--signature and --key go together")
    found = []
    if sha256 is not None:
        require_digest(data, sha256)
        found.append(f"sha256:{sha256.strip().lower()} given by the operator")
    if signature is not None and key is not None:
        pem, detached = (read_bytes(path, max_bytes=MAX_LIST_BYTES) for path in (key, signature))
        found.append(f"signature by the key {require_signature(data, detached, pem)}")
    if not found:
        raise UsageInvalid("nothing vouches for the list: give --sha256, or --signature and --key")
    return ", ".join(found)


def _report(after: ListSnapshot, changed: ListChange, *, as_json: bool) -> None:
    publication, held = after.publication, len(after.certificates)
    if as_json:
        emit(
            {
                "name": after.name,
                "kind": str(after.kind),
                "issued": publication.issued.isoformat(),
                "source": publication.source,
                "checked": publication.checked,
                "certificates": held,
                "added": list(changed.added),
                "removed": list(changed.removed),
            }
        )
        return
    for sign, subjects in (("+", changed.added), ("-", changed.removed)):
        for subject in subjects:
            tell(f"{sign} {subject}")
    counts = f"{len(changed.added)} added, {len(changed.removed)} removed"
    tell(f"{after.name} of {publication.issued}: {held} certificates, {counts}; {publication.checked}")
