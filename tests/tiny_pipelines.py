"""Tiny diffusion pipelines with random weights, built offline: the real diffusers code, wrong pictures, two steps in a moment.

The tokenizer is CLIP's byte-level BPE without one merge, so that every text can be spelled and no vocabulary is needed.
Weights are seeded: the same directory has the same digest in every run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SIZE = 64
"""Sides of the pictures made, in pixels."""


def byte_vocabulary() -> dict[str, int]:
    """CLIP's 512 byte tokens (each as it is and as the end of a word), then start and end of text."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {token: index for index, token in enumerate(tokens)}


def tokenizer() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer(vocab=byte_vocabulary(), merges=[], model_max_length=77)


def text_encoder(*, projection: int = 0, seed: int = 0) -> Any:
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(seed)
    vocabulary = byte_vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        bos_token_id=vocabulary["<|startoftext|>"],
        eos_token_id=vocabulary["<|endoftext|>"],
        pad_token_id=vocabulary["<|endoftext|>"],
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=projection or 32,
    )
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()


def autoencoder(*, seed: int = 1) -> Any:
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(seed)
    return AutoencoderKL(
        block_out_channels=(16, 16, 16, 16),
        norm_num_groups=8,
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        sample_size=SIZE,
    )


def unet(*, in_channels: int = 4, seed: int = 2, **extra: Any) -> Any:
    import torch
    from diffusers import UNet2DConditionModel

    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "sample_size": SIZE // 8,
        "in_channels": in_channels,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 32,
    }
    return UNet2DConditionModel(**{**shape, **extra})


def scheduler() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def _sd15_parts(*, in_channels: int = 4) -> dict[str, Any]:
    return {
        "vae": autoencoder(),
        "text_encoder": text_encoder(),
        "tokenizer": tokenizer(),
        "unet": unet(in_channels=in_channels),
        "scheduler": scheduler(),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def sd15() -> Any:
    """A text-to-image pipeline shaped like Stable Diffusion 1.5."""
    from diffusers import StableDiffusionPipeline

    return _quiet(StableDiffusionPipeline(**_sd15_parts()))


def image_to_image() -> Any:
    from diffusers import StableDiffusionImg2ImgPipeline

    return _quiet(StableDiffusionImg2ImgPipeline(**_sd15_parts()))


def inpainting() -> Any:
    """With nine input channels, as the real inpainting models have: latents, mask and masked latents."""
    from diffusers import StableDiffusionInpaintPipeline

    return _quiet(StableDiffusionInpaintPipeline(**_sd15_parts(in_channels=9)))


def sdxl() -> Any:
    """Two text encoders and size conditioning, as SDXL has."""
    from diffusers import StableDiffusionXLPipeline

    return _quiet(
        StableDiffusionXLPipeline(
            vae=autoencoder(),
            text_encoder=text_encoder(),
            text_encoder_2=text_encoder(projection=32, seed=3),
            tokenizer=tokenizer(),
            tokenizer_2=tokenizer(),
            unet=unet(
                attention_head_dim=(2, 4),
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                transformer_layers_per_block=(1, 2),
                projection_class_embeddings_input_dim=80,  # 6 size and crop numbers of 8, and 32 of the pooled text
                cross_attention_dim=64,
            ),
            scheduler=scheduler(),
            add_watermarker=False,
        )
    )


def upscaler() -> Any:
    """Four times up, as Stable Diffusion's upscaler: the low-resolution picture joins the latents as three channels."""
    import torch
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionUpscalePipeline

    torch.manual_seed(1)
    vae = AutoencoderKL(
        block_out_channels=(16, 16, 16),
        norm_num_groups=8,
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
    )
    return _quiet(
        StableDiffusionUpscalePipeline(
            vae=vae,
            text_encoder=text_encoder(),
            tokenizer=tokenizer(),
            unet=unet(in_channels=7, num_class_embeds=1000, sample_size=16),
            low_res_scheduler=DDPMScheduler(beta_schedule="scaled_linear"),
            scheduler=scheduler(),
            max_noise_level=350,
        )
    )


def save(pipeline: Any, directory: Path) -> Path:
    """Write `pipeline` as a model directory, safetensors only, the way `load_pipeline` takes it."""
    pipeline.save_pretrained(directory, safe_serialization=True)
    return directory


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def with_safety_checker(*, flags: bool) -> Any:
    """A text-to-image pipeline whose safety checker flags every picture, or none."""
    import torch
    from diffusers import StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    torch.manual_seed(4)
    config = CLIPConfig(
        projection_dim=16,
        text_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 16,
        },
    )
    checker = StableDiffusionSafetyChecker(config).eval()
    # A picture is flagged where its cosine to a concept exceeds the concept's weight: below -1 always, above 1 never.
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-2.0 if flags else 2.0)
        checker.special_care_embeds_weights.fill_(2.0)
    parts = _sd15_parts() | {
        "safety_checker": checker,
        "feature_extractor": CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        "requires_safety_checker": True,
    }
    return _quiet(StableDiffusionPipeline(**parts))


def controlled() -> Any:
    """Text to image after a control map, which diffusers calls `image` although nothing of it is in the output."""
    import torch
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    parts = _sd15_parts()
    torch.manual_seed(5)
    control = ControlNetModel.from_unet(parts["unet"], conditioning_embedding_out_channels=(8, 8, 16, 16))
    return _quiet(StableDiffusionControlNetPipeline(**parts, controlnet=control))


def unconditional() -> Any:
    """No prompt: `batch_size` says how many."""
    import torch
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    torch.manual_seed(6)
    unet = UNet2DModel(
        sample_size=32,
        in_channels=3,
        out_channels=3,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    return _quiet(DDIMPipeline(unet=unet, scheduler=DDIMScheduler()))


def flux() -> Any:
    """A rectified-flow transformer as FLUX has, without its text encoders: to be called with embeddings."""
    import torch
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    torch.manual_seed(7)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
    )
    vae = AutoencoderKL(
        block_out_channels=(16,),
        norm_num_groups=8,
        in_channels=3,
        out_channels=3,
        latent_channels=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.0609,
        scaling_factor=1.5035,
    )
    return _quiet(
        FluxPipeline(
            transformer=transformer,
            vae=vae,
            scheduler=FlowMatchEulerDiscreteScheduler(),
            text_encoder=None,
            text_encoder_2=None,
            tokenizer=None,
            tokenizer_2=None,
        )
    )
