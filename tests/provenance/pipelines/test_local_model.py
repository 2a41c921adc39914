"""A model directory loads from the disk alone, and every way of being unusable has its own sentence."""

from __future__ import annotations

import json
import shutil
import socket

import pytest

from provenance.errors import ModelUnusable, PipelineError
from provenance.pipelines.local_model import load_pipeline
from tests import tiny_pipelines


@pytest.fixture
def directory(model_directory, tmp_path):
    """A copy that may be broken."""
    return shutil.copytree(model_directory, tmp_path / "model")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_it_loads_without_the_network_in_full_precision_on_the_cpu(directory, no_network, capfd):
    pipeline = load_pipeline(directory, device="cpu")
    assert capfd.readouterr().err == ""
    assert (str(pipeline.device), str(pipeline.unet.dtype)) == ("cpu", "torch.float32")


@pytest.mark.parametrize("name", ["missing", "model_index.json"])
def test_no_directory(name, directory):
    with pytest.raises(ModelUnusable, match=r"no model_index\.json"):
        load_pipeline(directory / name)


def test_a_directory_of_something_else(tmp_path, libraries):
    with pytest.raises(ModelUnusable, match=r"no model_index\.json"):
        load_pipeline(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "", '{"_class_name": 3}', '{"_class_name": "UNet2DConditionModel"}', "\udcff"])
def test_an_index_that_names_no_pipeline(text, directory):
    (directory / "model_index.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelUnusable):
        load_pipeline(directory)


def test_missing_weights(directory):
    (directory / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelUnusable, match="lacks the weights of 'unet'"):
        load_pipeline(directory)


def test_a_missing_component(directory):
    shutil.rmtree(directory / "vae")
    with pytest.raises(ModelUnusable, match="lacks its component 'vae'"):
        load_pipeline(directory)


@pytest.mark.parametrize("suffix", [".bin", ".ckpt", ".pt", ".pth"])
def test_pickles(suffix, directory):
    (directory / "unet" / "diffusion_pytorch_model.safetensors").rename(directory / "unet" / f"weights{suffix}")
    with pytest.raises(ModelUnusable, match="is a pickle"):
        load_pipeline(directory)


def test_a_pickle_beside_the_safetensors_is_left_alone(directory):
    (directory / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"never read")
    assert load_pipeline(directory, device="cpu") is not None


@pytest.mark.parametrize("keep", [0, 4, 100, 10_000])
def test_truncated_weights(keep, directory):
    path = directory / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelUnusable, match="no sound safetensors"):
        load_pipeline(directory)


def test_a_missing_shard(directory):
    listing = {"metadata": {}, "weight_map": {"conv_in.weight": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
    (directory / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(listing))
    with pytest.raises(ModelUnusable, match="00002-of-00002"):
        load_pipeline(directory)


def test_a_list_of_shards_that_is_none(directory):
    (directory / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelUnusable, match=r"index\.json cannot be read"):
        load_pipeline(directory)


@pytest.mark.parametrize("home", ["my_code", "os", "../outside"])
def test_code_that_comes_with_a_model_is_not_run(home, directory):
    marker = directory / "ran"
    (directory / "unet" / "my_code.py").write_text(f"open({str(marker)!r}, 'w')\nclass Net: pass\n")
    index = json.loads((directory / "model_index.json").read_text())
    index["unet"] = [home, "Net"]
    (directory / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelUnusable, match="is not run"):
        load_pipeline(directory)
    assert not marker.exists()


def test_weights_that_are_there_in_half_precision_only(directory):
    for path in directory.rglob("*.safetensors"):
        path.rename(path.with_suffix(".fp16.safetensors"))
    assert str(load_pipeline(directory, device="cpu").unet.dtype) == "torch.float32"


def test_a_safety_checker_and_an_image_processor_under_its_old_name(libraries, tmp_path):
    directory = tiny_pipelines.save(tiny_pipelines.with_safety_checker(flags=True), tmp_path / "model")
    index = json.loads((directory / "model_index.json").read_text())
    index["feature_extractor"] = ["transformers", "CLIPFeatureExtractor"]  # as Stable Diffusion 1.5 was published
    (directory / "model_index.json").write_text(json.dumps(index))
    pipeline = load_pipeline(directory, device="cpu")
    assert pipeline("x", num_inference_steps=1, height=64, width=64).nsfw_content_detected == [True]


@pytest.mark.parametrize("kind", [tiny_pipelines.sdxl, tiny_pipelines.inpainting])
def test_other_kinds_load_as_what_they_are(kind, libraries, tmp_path):
    pipeline = kind()
    directory = tiny_pipelines.save(pipeline, tmp_path / "model")
    assert type(load_pipeline(directory, device="cpu")) is type(pipeline)


def test_a_class_that_the_library_does_not_have(directory):
    index = json.loads((directory / "model_index.json").read_text())
    index["unet"] = ["diffusers", "UNet9DModel"]
    (directory / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelUnusable, match="UNet9DModel"):
        load_pipeline(directory)


def test_weights_that_lack_a_tensor(directory):
    from safetensors.numpy import load_file, save_file

    path = directory / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path)
    with pytest.raises(ModelUnusable, match=r"conv_in\.weight"):
        load_pipeline(directory, device="cpu")


def test_text_encoder_weights_that_lack_a_tensor(directory):
    from safetensors.numpy import load_file, save_file

    path = directory / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    gone = next(name for name in tensors if "final_layer_norm.weight" in name)
    del tensors[gone]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(ModelUnusable, match=r"final_layer_norm\.weight"):
        load_pipeline(directory, device="cpu")


def test_a_configuration_that_does_not_fit_the_weights(directory):
    config = json.loads((directory / "unet" / "config.json").read_text())
    config["block_out_channels"] = [32, 64]
    (directory / "unet" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelUnusable, match="does not load"):
        load_pipeline(directory, device="cpu")


def test_a_gpu_that_is_not_there(directory, libraries):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(PipelineError, match="torch sees none"):
        load_pipeline(directory, device="cuda")
