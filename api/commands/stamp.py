"""`assay stamp`: put a generator's declaration on an image that exists already."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.environment import DEVELOPMENT_NOTE, load_signing_settings
from api.commands.files import read_asset, require_free, require_other, write_whole
from api.commands.outcome import emit, failures, tell
from api.commands.parsing import begin_parsing
from api.commands.stamp_options import PromptKeyOption, PromptPolicyOption, TrainingMiningOption, TrainingMiningTermsOption
from provenance.errors import UsageInvalid
from provenance.generation import GenerationMode, GenerationRecord

if TYPE_CHECKING:
    from api.settings import Settings
    from provenance.asset import Asset
    from provenance.isolation.parsers import Parsers

UNNAMED_MODEL = "unnamed model"


def stamp(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="The generated image.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where the stamped image goes.")],
    *,
    model: Annotated[str, typer.Option(help="Id of the model that made it.")] = UNNAMED_MODEL,
    model_version: Annotated[str | None, typer.Option(help="Its version.")] = None,
    model_sha256: Annotated[str | None, typer.Option(help="SHA-256 of its weights.")] = None,
    provider: Annotated[str | None, typer.Option(help="Who runs the generator.")] = None,
    prompt: Annotated[str | None, typer.Option(help="The prompt; --prompt-policy says whether it is published.")] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="The negative prompt.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance_scale: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="The scheduler.")] = None,
    mode: Annotated[GenerationMode | None, typer.Option(help="What was asked for; by default as --parent suggests.")] = None,
    parent: Annotated[list[Path] | None, typer.Option(help="An image this one was made from; may be repeated.")] = None,
    control: Annotated[list[Path] | None, typer.Option(help="An image that only steered, such as a control map.")] = None,
    prompt_policy: PromptPolicyOption = None,
    prompt_key: PromptKeyOption = None,
    training_mining: TrainingMiningOption = None,
    training_mining_terms: TrainingMiningTermsOption = None,
    identity: Annotated[str | None, typer.Option(help="Who else vouches for the image, named like --signer.")] = None,
    signer: Annotated[str | None, typer.Option(help="URI of the signer, such as file:DIR; development: by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Stamp a generated image: EXIF, XMP and PNG text, then a signed C2PA manifest. The pixels stay as they are.

    Exit code: 0 stamped, 3 nothing was written.
    """
    parsers_for = begin_parsing(context)
    with failures(as_json=as_json, paths=[source]):
        require_other(source, target)
        require_free(target, force=force)
        settings = load_signing_settings(
            signer_uri=signer,
            provider=provider,
            identity_signer_uri=identity,
            prompt_policy=prompt_policy,
            prompt_key_file=prompt_key,
            training_mining=training_mining,
            training_mining_terms=training_mining_terms,
        )
        parsers = parsers_for(settings)
        asset = _vetted(source, settings, parsers)
        require_name_fits(target, asset.media_type)
        parents = tuple(_vetted(path, settings, parsers) for path in parent or ())
        record = GenerationRecord(
            model=model,
            model_version=model_version,
            model_sha256=model_sha256,
            created_at=datetime.now(UTC),
            mode=mode or GenerationMode.usual(asset.media_type, has_parents=bool(parents)),
            provider=settings.provider,
            prompt=prompt,
            negative_prompt=negative_prompt,
            seed=seed,
            scheduler=scheduler,
            parameters=_said(steps=steps, guidance_scale=guidance_scale),
            parents=parents,
            inputs=tuple(_vetted(path, settings, parsers) for path in control or ()),
        )
        from api import composition

        stamper = composition.build_stamper(settings)
        stamped = stamper.stamp_asset(asset, record)
        write_whole(target, stamped.data, force=force)
        say_stamped([(target, stamped)], development=stamper.signer.credential.development, as_json=as_json)


def say_stamped(written: list[tuple[Path, Asset]], *, development: bool, as_json: bool, done: str = "stamped") -> None:
    """Say what was `done` and written, and whether its signature proves anything."""
    for path, asset in written:
        if as_json:
            values = {"path": str(path), "sha256": asset.sha256, "media_type": asset.media_type, "bytes": len(asset.data)}
            emit({**values, "tier": "development" if development else None})
        else:
            tell(f"{path}: {done}, {len(asset.data)} bytes, sha256 {asset.sha256}")
    if development and not as_json:
        tell(f"note: {DEVELOPMENT_NOTE}")


def require_name_fits(path: Path, media_type: str) -> None:
    """Return only if the suffix of `path` is one of this media type, or of none.

    Raises:
        UsageInvalid: The name would say another format than the bytes.
    """
    named = media_type_of_name(path)
    if named is not None and named != media_type:
        raise UsageInvalid(f"{path} is named like {named}, but the image is {media_type}: stamping does not encode it anew")


def media_type_of_name(path: Path) -> str | None:
    """The media type a name's suffix stands for, or None."""
    from provenance.asset import MEDIA_TYPES

    suffixes = {suffix: media_type for media_type, suffix in MEDIA_TYPES.items()} | {
        ".jpeg": "image/jpeg",
        ".tif": "image/tiff",
    }
    return suffixes.get(path.suffix.lower())


def _vetted(path: Path, settings: Settings, parsers: Parsers) -> Asset:
    """The asset at `path`, whole, and survived by the parsers before the process that holds the key reads it."""
    asset = read_asset(path, max_bytes=settings.max_asset_bytes)
    parsers.vet(asset, max_pixels=settings.max_asset_pixels)
    return asset


def _said(**parameters: Any) -> dict[str, Any]:  # noqa: ANN401  # numbers of several kinds
    return {name: value for name, value in parameters.items() if value is not None}
