"""`assay generate`: run a local diffusers model; only stamped images are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.environment import load_signing_settings
from api.commands.files import read_asset, require_free, write_whole
from api.commands.outcome import failures
from api.commands.progress import bar
from api.commands.stamp import media_type_of_name, say_stamped
from api.commands.stamp_options import PromptKeyOption, PromptPolicyOption, TrainingMiningOption, TrainingMiningTermsOption
from provenance.errors import UsageInvalid

if TYPE_CHECKING:
    from provenance.asset import Asset


def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to paint.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where the image goes; numbered when there are several.")],
    *,
    model: Annotated[Path | None, typer.Option(help="A diffusers model directory; ASSAY_MODEL_DIR by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first image; drawn if none is given.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance_scale: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    count: Annotated[int, typer.Option(help="How many images.")] = 1,
    negative_prompt: Annotated[str | None, typer.Option(help="What to keep away from.")] = None,
    prompt_policy: PromptPolicyOption = None,
    prompt_key: PromptKeyOption = None,
    training_mining: TrainingMiningOption = None,
    training_mining_terms: TrainingMiningTermsOption = None,
    image: Annotated[Path | None, typer.Option(help="An image to start from; it becomes the parent.")] = None,
    strength: Annotated[float | None, typer.Option(help="How much of --image is replaced, above 0 and at most 1.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cuda or cpu.")] = None,
    provider: Annotated[str | None, typer.Option(help="Who runs the generator, as declared.")] = None,
    signer: Annotated[str | None, typer.Option(help="URI of the signer, such as file:DIR; development: by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per image on stdout.")] = False,
) -> None:
    """Generate images with a local model, on CUDA when there is one; each leaves stamped or not at all.

    Exit code: 0 written, 3 not.
    """
    with failures(as_json=as_json, paths=[target]):
        targets = numbered(target, count)
        for path in targets:
            require_free(path, force=force)
        media_type = media_type_of_name(target)
        if media_type is None:
            raise UsageInvalid(f"{target} needs a suffix that says the format, such as .png or .jpg")
        settings = load_signing_settings(
            signer_uri=signer,
            provider=provider,
            model_dir=model,
            generate_device=device,
            prompt_policy=prompt_policy,
            prompt_key_file=prompt_key,
            training_mining=training_mining,
            training_mining_terms=training_mining_terms,
        )

        from api import composition
        from provenance.pipelines.generation import GenerationRequest
        from provenance.pipelines.generation import generate as run

        start = read_asset(image, max_bytes=settings.max_asset_bytes) if image is not None else None
        request = GenerationRequest(
            prompt=prompt,
            negative_prompt=negative_prompt,
            seed=seed,
            steps=steps,
            guidance_scale=guidance_scale,
            width=width,
            height=height,
            count=count,
            image=start,
            strength=strength,
        )
        stamper = composition.build_stamper(settings)
        with composition.build_generator(settings, stamper, media_type=media_type) as pipeline, bar("steps") as move:
            assets: list[Asset] = list(run(pipeline, request, move).assets)
        written = list(zip(targets, assets, strict=True))
        for path, asset in written:
            write_whole(path, asset.data, force=force)
        say_stamped(written, development=stamper.signer.credential.development, as_json=as_json)


def numbered(target: Path, count: int) -> list[Path]:
    """`target` for one image; out-1.png, out-2.png and so on for several, padded so that they sort.

    >>> [path.name for path in numbered(Path("out.png"), 2)]
    ['out-1.png', 'out-2.png']
    """
    if count <= 1:
        return [target]
    width = len(str(count))
    return [target.with_name(f"{target.stem}-{number:0{width}d}{target.suffix}") for number in range(1, count + 1)]
