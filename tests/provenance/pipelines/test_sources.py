"""Every form in which diffusers takes a picture, as the parent that is recorded."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from provenance.asset import Asset
from provenance.errors import GenerationInvalid, PipelineRefused
from provenance.pipelines.calls import bind, input_names, source_names
from provenance.pipelines.sources import parents_of, steering, take
from provenance.pixels import decode
from tests.provenance.pipelines.conftest import picture

PIXELS = np.asarray(picture(5))


def test_an_asset_is_its_own_parent():
    out = io.BytesIO()
    picture(5).save(out, "JPEG")
    asset = Asset.from_bytes(out.getvalue())
    taken = take(asset)
    assert taken.assets == (asset,)
    assert np.array_equal(np.asarray(taken.argument), decode(asset))


@pytest.mark.parametrize(
    "value",
    [
        picture(5),
        PIXELS,
        PIXELS / 255.0,
        PIXELS / 127.5 - 1.0,
        (PIXELS / 255.0)[np.newaxis],
        [picture(5)],
        (PIXELS / 255.0).astype(np.float32),
    ],
    ids=["pil", "uint8", "0..1", "-1..1", "batch", "list", "float32"],
)
def test_pixels_become_a_png_of_themselves(value):
    assert [np.array_equal(decode(asset), PIXELS) for asset in take(value).assets] == [True]


def test_tensors_become_a_png_of_themselves():
    torch = pytest.importorskip("torch", reason="needs torch")
    tensor = torch.from_numpy((PIXELS / 255.0).transpose(2, 0, 1))
    for value, count in ((tensor, 1), (tensor[None].repeat(2, 1, 1, 1), 2), ([tensor, tensor[None]], 2)):
        assert [np.array_equal(decode(asset), PIXELS) for asset in take(value).assets] == [True] * count


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "HSV"])
def test_every_mode_of_pil_can_be_kept(mode):
    image = Image.new("I;16", (8, 8), 65535) if mode == "I;16" else picture(5).convert(mode)
    assert decode(take(image).assets[0]).shape[2] == 3


def test_text_that_came_with_a_picture_is_not_kept():
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a secret prompt")
    out = io.BytesIO()
    picture().save(out, "PNG", pnginfo=text)
    assert b"secret" not in take(Image.open(io.BytesIO(out.getvalue()))).assets[0].data


@pytest.mark.parametrize("shape", [(8, 8, 4, 2, 1), (8,), (8, 8, 7)])
def test_arrays_that_are_no_pictures(shape):
    with pytest.raises(PipelineRefused, match="is no picture"):
        take(np.zeros(shape))


@pytest.mark.parametrize("value", ["fox.png", 3, {"image": 1}])
def test_things_that_are_no_pictures(value):
    with pytest.raises(GenerationInvalid, match=type(value).__name__):
        take(value)


A, B = (take(picture(n)).assets[0] for n in (1, 2))


@pytest.mark.parametrize(
    ("index", "assets", "count", "prompts", "expected"),
    [
        (0, (), 2, 1, ()),
        (1, (A,), 2, 1, (A,)),  # one picture, several outputs
        (0, (A, B), 1, 1, (A, B)),  # several references, one output
        (0, (A, B), 2, 2, (A,)),  # a prompt for each picture
        (1, (A, B), 2, 2, (B,)),
    ],
)
def test_which_parent_an_output_has(index, assets, count, prompts, expected):
    assert parents_of(index, assets, count=count, prompts=prompts) == expected


@pytest.mark.parametrize(("count", "prompts"), [(2, 1), (4, 2), (3, 3)])
def test_an_uncertain_parent_is_refused(count, prompts):
    with pytest.raises(PipelineRefused, match="not certain"):
        parents_of(0, (A, B), count=count, prompts=prompts)


def test_what_only_steers_may_be_something_else_than_a_picture():
    assert steering(np.zeros((4, 8, 8, 77), np.float32)) == ()
    assert steering({"embeddings": 1}) == ()
    assert steering([A, A]) == (A, A)


class ControlNetPipeline:
    def __call__(self, prompt=None, image=None, ip_adapter_image=None): ...


class ControlNetInpaintPipeline:
    def __call__(self, prompt=None, image=None, mask_image=None, control_image=None): ...


@pytest.mark.parametrize(
    ("pipeline", "sources", "inputs"),
    [
        (ControlNetPipeline(), (), ("image", "ip_adapter_image")),
        (ControlNetInpaintPipeline(), ("image",), ("control_image", "mask_image")),
    ],
)
def test_control_maps_masks_and_references_are_inputs_and_no_parents(pipeline, sources, inputs):
    call = bind(pipeline, (), {"prompt": "x"})
    assert (source_names(pipeline, call), input_names(pipeline, call)) == (sources, inputs)
