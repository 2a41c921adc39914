"""`assay derive`: a thumbnail or another size of a picture, which keeps its provenance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from api.commands.environment import DEVELOPMENT_NOTE, load_signing_settings
from api.commands.files import read_asset, require_free, require_other, write_whole
from api.commands.outcome import emit, failures, tell
from api.commands.parsing import begin_parsing
from api.commands.stamp import media_type_of_name
from provenance.errors import UsageInvalid


def derive(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="The image.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The derivative; its suffix says the format.")],
    *,
    width: Annotated[int | None, typer.Option(help="At most this wide, in pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="At most this high, in pixels.")] = None,
    thumbnail: Annotated[bool, typer.Option("--thumbnail", help="At most 256 x 256 pixels, JPEG unless OUT says.")] = False,
    enlarge: Annotated[bool, typer.Option("--enlarge", help="Enlarge a smaller picture; its size stays otherwise.")] = False,
    quality: Annotated[int | None, typer.Option(help="1 to 100, for lossy formats.")] = None,
    signer: Annotated[str | None, typer.Option(help="URI of the signer, such as file:DIR; development: by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Resize or re-encode an image and sign the result, with the image as its parent and its own marks carried over.

    The aspect ratio is kept. An image that was altered after it was signed is refused.

    Exit code: 0 made, 3 nothing was written.
    """
    parsers_for = begin_parsing(context)
    with failures(as_json=as_json, paths=[source]):
        from provenance.derivation import THUMBNAIL, Derivation

        require_other(source, target)
        require_free(target, force=force)
        media_type = media_type_of_name(target)
        if media_type is None and target.suffix:
            raise UsageInvalid(f"{target} is named like no format that is written here")
        asked = {"width": width, "height": height, "media_type": media_type, "quality": quality, "enlarge": enlarge or None}
        given = {name: value for name, value in asked.items() if value is not None}
        derivation = replace(THUMBNAIL if thumbnail else Derivation(), **given)  # type: ignore[arg-type]
        settings = load_signing_settings(signer_uri=signer)
        asset = read_asset(source, max_bytes=settings.max_asset_bytes)
        parsers_for(settings).vet(asset, max_pixels=settings.max_asset_pixels)
        from api import composition

        stamper = composition.build_stamper(settings)
        derived = composition.build_deriver(settings, stamper).derive(asset, derivation)
        write_whole(target, derived.data, force=force)
        development = stamper.signer.credential.development
        if as_json:
            values = {"path": str(target), "sha256": derived.sha256, "media_type": derived.media_type}
            parent = {"parent_sha256": asset.sha256, "tier": "development" if development else None}
            emit({**values, "bytes": len(derived.data), **parent})
        else:
            tell(f"{target}: derived from {source}, {len(derived.data)} bytes, sha256 {derived.sha256}")
            if development:
                tell(f"note: {DEVELOPMENT_NOTE}")
