"""`assay redact`: take personal data out of a signed image, and sign that it was taken out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.commands.environment import load_signing_settings
from api.commands.files import read_asset, require_free, require_other, write_whole
from api.commands.outcome import failures
from api.commands.parsing import begin_parsing
from api.commands.stamp import require_name_fits, say_stamped


class Why(StrEnum):
    """Reasons as one types them."""

    PERSONAL_DATA = "personal-data"
    INVALID_DATA = "invalid-data"
    TRADE_SECRET = "trade-secret"  # noqa: S105 - not a password
    GOVERNMENT = "government"


def redact(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="The signed image.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where the redacted image goes.")],
    *,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="Take out every prompt: of manifests, EXIF, XMP and PNG text.")
    ] = False,
    assertion: Annotated[
        list[str] | None, typer.Option(help='Label of an assertion to take out, such as "org.assay.generation"; repeatable.')
    ] = None,
    reason: Annotated[Why, typer.Option(help="Why, as declared.")] = Why.PERSONAL_DATA,
    signer: Annotated[str | None, typer.Option(help="URI of the signer, such as file:DIR; development: by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Take prompts or other assertions out of a signed image. The pixels stay, and so does what says how they came about.

    The hash of what was taken out stays in the old claim, and copies of IN are out of reach.

    Exit code: 0 redacted, 3 nothing was written.
    """
    parsers_for = begin_parsing(context)
    with failures(as_json=as_json, paths=[source]):
        require_other(source, target)
        require_free(target, force=force)
        settings = load_signing_settings(signer_uri=signer)
        asset = read_asset(source, max_bytes=settings.max_asset_bytes)
        parsers_for(settings).vet(asset, max_pixels=settings.max_asset_pixels)
        require_name_fits(target, asset.media_type)
        from api import composition
        from provenance.amendment import RedactionReason
        from provenance.amendment import redact as amended

        stamper = composition.build_stamper(settings)
        redacted = amended(stamper, asset, assertion or (), prompts=prompts, reason=RedactionReason[reason.name])
        write_whole(target, redacted.data, force=force)
        development = stamper.signer.credential.development
        say_stamped([(target, redacted)], development=development, as_json=as_json, done="redacted")
