"""The parameters text, as AUTOMATIC1111 reads and writes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from provenance.generation import GenerationRecord
from provenance.metadata.parameters import parameters_text, read_parameters


def test_a_full_record(record):
    assert parameters_text(record, software="assay 0.1.0") == (
        "a lighthouse, dusk\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: EulerDiscreteScheduler, CFG scale: 7.5, Seed: 7, Size: 64x48, Model hash: ababababab, "
        "Model: acme/model-1, Mode: text-to-image, Version: assay 0.1.0"
    )


def test_the_smallest_record_is_still_recognised():
    record = GenerationRecord(model="m", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    text = parameters_text(record, software="assay 0.1.0")
    assert text == "Model: m, Mode: text-to-image, Version: assay 0.1.0"
    assert read_parameters(text) == {"Model": "m", "Mode": "text-to-image", "Version": "assay 0.1.0"}


def test_values_with_commas_are_quoted_and_come_back(record):
    text = parameters_text(replace(record, model='a, "b": c'), software="assay 0.1.0")
    pairs = read_parameters(text)
    assert pairs is not None
    assert pairs["Model"] == 'a, "b": c'


def test_further_parameters_are_listed(record):
    text = parameters_text(replace(record, parameters={"clip_skip": 2, "note": "x, y"}), software="s")
    assert text.endswith('Version: s, clip_skip: 2, note: "x, y"')


def test_a_line_before_the_last_counts_too():
    assert read_parameters("cat\nSteps: 1, Sampler: a, Seed: 2\nTemplate: {cat|dog}") == {
        "Steps": "1",
        "Sampler": "a",
        "Seed": "2",
    }


def test_prose_is_not_taken_for_parameters():
    assert read_parameters("Steps: walk to the door, then knock") is None
    assert read_parameters("") is None
    assert read_parameters("\n" * 100_000) is None
