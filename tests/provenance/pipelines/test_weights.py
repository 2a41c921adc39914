"""The digest of the weights, checked against one written down here independently; adapters by name, weight and digest."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from provenance.errors import PipelineError
from provenance.generation import Adapter
from provenance.pipelines.local_model import load_pipeline
from provenance.pipelines.weights import active_adapters, networks_of, weights_sha256
from tests import tiny_pipelines
from tests.tiny_pipelines import SIZE

CALL = {"num_inference_steps": 2, "height": SIZE, "width": SIZE}


def test_a_model_directory_is_named_by_its_files(model_directory, libraries, wrap):
    lines = sorted(
        f"{path.relative_to(model_directory).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in model_directory.rglob("*.safetensors")
    )
    assert len(lines) == 3

    record = wrap(load_pipeline(model_directory, device="cpu"))("x", **CALL).records[0]

    assert record.model_sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert record.model == "tiny-fox"  # not the path, which tells where it lies


def test_the_same_weights_elsewhere_have_the_same_digest(model_directory, tmp_path):
    shutil.copytree(model_directory, tmp_path / "copy")
    digests = {weights_sha256(networks_of(load_pipeline(d, device="cpu"))) for d in (model_directory, tmp_path / "copy")}
    assert len(digests) == 1


def test_weights_that_only_exist_in_memory_are_named_by_their_tensors(libraries):
    import torch

    one, same = tiny_pipelines.sd15(), tiny_pipelines.sd15()
    before = weights_sha256(networks_of(one))
    assert before == weights_sha256(networks_of(same))
    with torch.no_grad():
        one.vae.post_quant_conv.bias[0] += 1e-3
    assert weights_sha256(networks_of(one)) != before


def test_half_precision_weights_are_digested_too(libraries):
    import torch

    network = torch.nn.Linear(2, 2).to(torch.bfloat16)
    assert weights_sha256({"unet": network}) != weights_sha256({"unet": network.to(torch.float32)})


def test_offloaded_weights_cannot_be_named_and_cost_no_generation(libraries, wrap):
    pipeline = tiny_pipelines.sd15()
    pipeline.unet.to("meta")
    with pytest.raises(PipelineError, match="give model_sha256"):
        wrap(pipeline)("x", **CALL)


def test_a_pipeline_without_networks_has_no_digest(libraries):
    assert weights_sha256({}) is None


@pytest.fixture
def with_adapter(libraries):
    pytest.importorskip("peft", reason="needs peft for adapters")
    import torch
    from peft import LoraConfig

    pipeline = tiny_pipelines.sd15()
    torch.manual_seed(0)
    pipeline.unet.add_adapter(
        LoraConfig(r=2, lora_alpha=4, target_modules=["to_q", "to_v"], init_lora_weights=False), adapter_name="watercolour"
    )
    return pipeline


def test_an_active_adapter_is_recorded_and_the_base_keeps_its_digest(with_adapter, wrap):
    record = wrap(with_adapter)("x", **CALL).records[0]
    assert [(a.name, a.weight, len(a.sha256)) for a in record.adapters] == [("watercolour", 1.0, 64)]
    assert record.model_sha256 == weights_sha256(networks_of(tiny_pipelines.sd15()))


def test_the_weight_of_an_adapter_is_the_one_in_force(with_adapter, wrap):
    pipeline = wrap(with_adapter).set_adapters("watercolour", 0.25)
    assert pipeline("x", **CALL).records[0].adapters[0].weight == 0.25


def test_a_switched_off_adapter_is_not_recorded(with_adapter):
    with_adapter.disable_lora()
    assert active_adapters(with_adapter) == ()


def test_an_adapter_merged_into_the_weights_is_named(with_adapter):
    with_adapter.fuse_lora()
    with_adapter.unload_lora_weights()
    assert active_adapters(with_adapter) == (Adapter(name="watercolour (merged)"),)
