"""`assay keys`: the development credential of this installation, what credentials there are, and whether one works."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.environment import DEVELOPMENT_SIGNER, load_settings, load_signing_settings
from api.commands.outcome import emit, failures, tell

if TYPE_CHECKING:
    from api.settings import Settings
    from provenance.keys import Credential

app = typer.Typer(help="Signing credentials.", no_args_is_help=True)

Days = Annotated[int, typer.Option(min=1, max=366, help="How long the certificate is valid.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per credential and line.")]


@app.command("init")
def init(days: Days = 90, as_json: AsJson = False) -> None:
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


@app.command("rotate")
def rotate(days: Days = 90, as_json: AsJson = False) -> None:
    """Replace the development credential. What the old one stamped still reads as development; a service takes up the new one.

    Credentials of any other kind are replaced where they are kept, and a service takes them up as well.
    """
    with failures(as_json=as_json):
        from provenance.keys import development_directory, retired_directory, rotate_development_credential

        home = load_settings().home
        credential = rotate_development_credential(home, now=datetime.now(UTC), days=days)
        if as_json:
            emit(_row(DEVELOPMENT_SIGNER, credential))
            return
        tell(f"new development credential in {development_directory(home)}, valid until {credential.not_after:%Y-%m-%d}")
        tell(f"the authority of the one before is kept in {retired_directory(home)}")


@app.command("list")
def list_credentials(as_json: AsJson = False) -> None:
    """List the credentials the command line and the service would sign with, and how long they last."""
    with failures(as_json=as_json):
        from provenance.keys import development_directory

        settings = load_settings()
        uris = [DEVELOPMENT_SIGNER] if development_directory(settings.home).is_dir() else []
        if settings.signer_uri and settings.signer_uri not in uris:
            uris.append(settings.signer_uri)
        rows = [_row(uri, _credential(settings, uri)) for uri in uris]
        if as_json:
            for row in rows:
                emit(row)
            return
        if not rows:
            tell("no credential; `assay keys init` makes one for development")
            return
        from api.commands.tables import print_table

        print_table(list(rows[0]), ([str(value) for value in row.values()] for row in rows))


@app.command("prove")
def prove_signer(
    signer: Annotated[
        str | None, typer.Option(help="URI of the signer; by default the one in the settings, else development:.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a tiny picture in memory and read it back: key, chain and usage make a file that verifies, or why they do not.

    Exit code: 0 proved, 3 not.
    """
    with failures(as_json=as_json):
        from api.composition import build_signer
        from provenance.proof import prove

        settings = load_signing_settings(signer_uri=signer)
        opened = build_signer(settings)
        prove(opened)
        assert settings.signer_uri is not None
        tier, standing = _standing(settings, opened.credential)
        row = {**_row(settings.signer_uri, opened.credential), "tier": tier}
        if as_json:
            emit(row)
            return
        tell(f"proved: {row['subject']}, {row['algorithm']}, ends in {row['days_left']} days")
        tell(standing)


def _credential(settings: Settings, uri: str) -> Credential:
    from api.composition import build_signer

    return build_signer(settings.model_copy(update={"signer_uri": uri})).credential


def _standing(settings: Settings, credential: Credential) -> tuple[str | None, str]:
    """The tier, and what a reader here makes of the signer in words; lists that cannot be used disprove no signer."""
    from provenance.errors import TrustStoreError

    try:
        tier = _tier(settings, credential)
    except TrustStoreError as err:
        return None, f"whether a trust list here has its issuer cannot be told: {err}"
    if tier is None:
        return None, "no trust list here has its issuer: unknown signer"
    return tier, f"its issuer is on a trust list here, tier {tier}"


def _tier(settings: Settings, credential: Credential) -> str | None:
    """The tier of the first trust list here that anchors the credential; None for one that readers do not know."""
    from cryptography import x509

    from api.composition import load_trust
    from provenance.trust.certificate_path import SIGNER_TRUSTED, judge_chain
    from provenance.trust.store import TrustPurpose

    at = datetime.now(UTC)
    for entry in load_trust(settings).lists:
        if entry.purpose is TrustPurpose.SIGNERS and entry.anchors_pem:
            anchors = x509.load_pem_x509_certificates(entry.anchors_pem)
            if judge_chain(credential.certificates, anchors, at)[0] == SIGNER_TRUSTED:
                return entry.tier.value
    return None


def _row(uri: str, credential: Credential) -> dict[str, Any]:
    from provenance.keys import without_pin

    at = datetime.now(UTC)
    return {
        "signer": without_pin(uri),
        "subject": credential.subject,
        "algorithm": str(credential.algorithm),
        "not_after": credential.not_after.isoformat(),
        "days_left": (credential.expires - at).days,
        "expired": not credential.not_before <= at <= credential.expires,
        "development": credential.development,
    }
