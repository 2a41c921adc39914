"""What is recorded of a call is what was in force."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import GenerationInvalid, RecordInvalid
from provenance.generation import GenerationRecord, SafetyResult
from provenance.pipelines.calls import BoundCall
from provenance.pipelines.drafts import recorded_parameters
from provenance.pixels import decode
from provenance.prompt_policy import PromptPolicy, PromptRule
from tests import tiny_pipelines
from tests.fakes import FakeStamper
from tests.tiny_pipelines import SIZE

CALL = {"num_inference_steps": 2, "height": SIZE, "width": SIZE}


def test_defaults_of_the_pipeline_are_recorded_as_what_they_are(tiny, wrap):
    at = datetime(2026, 11, 22, tzinfo=UTC)
    pipeline = wrap(tiny("sd15"), model="acme/fox-1", model_sha256="ab" * 32, provider="Acme", clock=lambda: at)

    record = pipeline("a red fox", negative_prompt="blue", **CALL).records[0]

    assert dict(record.parameters) == {
        "steps": 2,
        "guidance_scale": 7.5,
        "num_images_per_prompt": 1,
        "eta": 0.0,
        "guidance_rescale": 0.0,
        "width": SIZE,
        "height": SIZE,
    }
    assert (record.model, record.model_sha256, record.provider) == ("acme/fox-1", "ab" * 32, "Acme")
    assert (record.prompt, record.negative_prompt, record.scheduler) == ("a red fox", "blue", "DDIMScheduler")
    assert (record.created_at, record.safety, record.adapters) == (at, SafetyResult(checked=False), ())


def test_lists_of_numbers_are_spelled_out(tiny, wrap):
    record = wrap(tiny("sdxl"))("x", original_size=(128, 96), clip_skip=0, **CALL).records[0]
    assert (record.parameters["original_size"], record.parameters["clip_skip"]) == ("128,96", 0)


def test_latents_and_embeddings_are_recorded_as_supplied(tiny, wrap):
    import torch

    pipeline = wrap(tiny("sd15"))
    embeddings = torch.zeros(2, 77, 32)
    result = pipeline(
        prompt_embeds=embeddings, negative_prompt_embeds=embeddings, latents=torch.zeros(2, 4, SIZE // 8, SIZE // 8), **CALL
    )
    assert [record.prompt for record in result.records] == [None, None]
    names = ("prompt_embeds", "negative_prompt_embeds", "latents")
    assert [result.records[0].parameters[name] for name in names] == ["supplied"] * 3


def test_every_image_of_a_batch_has_its_own_prompt(tiny, wrap):
    result = wrap(tiny("sd15"))(["fox", "owl"], negative_prompt=["red", "grey"], num_images_per_prompt=2, **CALL)
    assert [record.prompt for record in result.records] == ["fox", "fox", "owl", "owl"]
    assert [record.negative_prompt for record in result.records] == ["red", "red", "grey", "grey"]


def test_every_image_of_a_batch_can_be_made_again_from_its_record(tiny, wrap):
    pipeline = wrap(tiny("sd15"))
    batch = pipeline(["fox", "a wholly different owl"], num_images_per_prompt=2, guidance_scale=40.0, **CALL)
    for asset, record in zip(batch.assets, batch.records, strict=True):
        again = pipeline(record.prompt, generator=_generator(record.seed), guidance_scale=40.0, **CALL).assets[0]
        other = pipeline("zzz", generator=_generator(record.seed), guidance_scale=40.0, **CALL).assets[0]
        # Batched and single convolutions may differ in the last bit, which rounding can turn into one level.
        assert np.abs(decode(again).astype(int) - decode(asset)).max() <= 1
        assert np.abs(decode(other).astype(int) - decode(asset)).max() > 1


def test_seeds_are_drawn_anew_for_every_image(tiny, wrap):
    pipeline = wrap(tiny("sd15"))
    seeds = [r.seed for _ in range(2) for r in pipeline("x", num_images_per_prompt=2, **CALL).records]
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_seed_of_the_callers_own_generator(tiny, wrap):
    record = wrap(tiny("sd15"))("x", generator=_generator(7), **CALL).records[0]
    assert record.seed == 7
    assert "generator_reused" not in record.parameters


def test_a_generator_for_each_image(tiny, wrap):
    generators = [_generator(7), _generator(8)]
    assert [r.seed for r in wrap(tiny("sd15"))("x", num_images_per_prompt=2, generator=generators, **CALL).records] == [7, 8]


def test_one_generator_for_a_batch_needs_the_place_in_it(tiny, wrap):
    records = wrap(tiny("sd15"))("x", num_images_per_prompt=2, generator=_generator(7), **CALL).records
    assert [(r.seed, r.parameters["batch_index"]) for r in records] == [(7, 0), (7, 1)]


def test_a_generator_that_was_used_before_is_told_from_a_fresh_one(tiny, wrap):
    pipeline, generator = wrap(tiny("sd15")), _generator(7)
    pipeline("x", generator=generator, **CALL)
    assert pipeline("x", generator=generator, **CALL).records[0].parameters["generator_reused"] is True


def test_no_generator_for_any_image(tiny, wrap):
    with pytest.raises(GenerationInvalid, match="each of 1"):
        wrap(tiny("sd15"))("x", generator=[], **CALL)


def test_a_record_that_cannot_be_declared_costs_no_generation(tiny, wrap):
    stamper = FakeStamper()
    with pytest.raises(RecordInvalid, match="finite"):
        wrap(tiny("sd15"), stamper)("x", guidance_scale=float("nan"), **CALL)
    assert stamper.records == []


@pytest.mark.parametrize("flagged", [True, False])
def test_the_safety_checkers_word_is_kept(flagged, libraries, wrap):
    result = wrap(tiny_pipelines.with_safety_checker(flags=flagged))("x", num_images_per_prompt=2, **CALL)
    assert result.nsfw_content_detected == (flagged, flagged)
    assert result.records[1].safety == SafetyResult(checked=True, flagged=flagged)
    assert bool(decode(result.assets[1]).max() == 0) is flagged  # the checker paints flagged pictures black


# Schedulers of diffusers 0.42 hand torch tensors to NumPy 2, which tells them so.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_another_scheduler_is_recorded_by_its_class(libraries, wrap):
    pipeline = wrap(tiny_pipelines.sd15()).use_scheduler("EulerDiscreteScheduler")
    assert pipeline("x", **CALL).records[0].scheduler == "EulerDiscreteScheduler"


def test_a_scheduler_that_is_none(tiny, wrap):
    with pytest.raises(GenerationInvalid, match="UNet2DConditionModel"):
        wrap(tiny("sd15")).use_scheduler("UNet2DConditionModel")


def _generator(seed):
    import torch

    return torch.Generator("cpu").manual_seed(seed)


def test_nested_settings_are_spelled_out_and_nested_prompts_follow_the_policy():
    in_force = {
        "cross_attention_kwargs": {"scale": 0.5, "gligen": {"prompt": "secret"}},
        "prompt_2": ["secret", "owl"],
        "seen": object(),
    }
    call = BoundCall({}, in_force, frozenset(in_force), return_dict=True)
    recorded = recorded_parameters(call, sources=())
    assert recorded["prompt_2"] == "secret\nowl"
    assert omitted(recorded) == {"cross_attention_kwargs.scale": 0.5, "seen": "supplied"}


def omitted(parameters):
    made = GenerationRecord(model="acme/fox-1", created_at=datetime(2026, 11, 22, tzinfo=UTC), parameters=parameters)
    return made.under(PromptRule(PromptPolicy.OMITTED)).parameters


texts = st.text("aé\x00 ☃", max_size=8)  # the whole of Unicode takes seconds to load
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_any_arguments_become_scalars_or_an_invalid_record(in_force):
    call = BoundCall({}, in_force, frozenset(in_force), return_dict=True)
    parameters = recorded_parameters(call, sources=())
    assert {type(value) for value in parameters.values()} <= {str, int, float, bool}
    with contextlib.suppress(RecordInvalid):
        GenerationRecord(model="acme/fox-1", created_at=datetime(2026, 11, 22, tzinfo=UTC), parameters=parameters)


@given(values, st.sampled_from(["prompt_2", "negative_prompt_3", "control_prompt"]))
def test_no_form_of_a_prompt_is_kept_when_it_is_not_to_be(value, name):
    marked = _marked(value)
    call = BoundCall({}, {name: marked}, frozenset({name}), return_dict=True)
    with contextlib.suppress(RecordInvalid):
        assert "typed-by-a-person" not in str(omitted(recorded_parameters(call, sources=())))


def _marked(value):
    """`value` with each text in it replaced by one that can be searched for."""
    if isinstance(value, str):
        return "typed-by-a-person"
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return {key: _marked(item) for key, item in value.items()} if isinstance(value, dict) else value
