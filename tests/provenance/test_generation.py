from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest

from provenance.digital_source_type import DigitalSourceType
from provenance.errors import RecordInvalid
from provenance.generation import MAX_TEXT_CHARACTERS, Adapter, GenerationMode, GenerationRecord
from tests.assets.pictures import encoded

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def record(**fields: object) -> GenerationRecord:
    return GenerationRecord(**({"model": "tests/tiny", "created_at": NOON} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"created_at": NOON.replace(tzinfo=None)}, "time zone"),
        ({"model": " "}, "model's id"),
        ({"mode": GenerationMode.INPAINTING}, "name it as parent"),
        ({"mode": GenerationMode.IMAGE_TO_IMAGE}, "name it as parent"),
        ({"mode": GenerationMode.UPSCALING}, "name it as parent"),
        ({"prompt": "p" * (MAX_TEXT_CHARACTERS + 1)}, "limit is 16384"),
        ({"negative_prompt": "a\0b"}, "NUL"),
        ({"prompt": "\ud83d"}, "surrogate"),
        ({"parameters": {"sampler": "\udc00"}}, "surrogate"),
        ({"parameters": {"a\0": 1}}, "NUL"),
        ({"adapters": (Adapter("x\0"),)}, "NUL"),
        ({"parameters": {"steps": float("nan")}}, "finite scalars"),
        ({"parameters": {"steps": float("inf")}}, "finite scalars"),
        ({"parameters": {"steps": object()}}, "finite scalars"),
        ({"model_sha256": "A" * 64}, "lower-case"),
        ({"model_sha256": "a" * 63}, "64"),
    ],
)
def test_what_cannot_be_declared_honestly_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(RecordInvalid, match=message) as caught:
        record(**fields)
    assert caught.value.code == "record.invalid"


def test_longest_prompt_is_taken() -> None:
    assert len(record(prompt="p" * MAX_TEXT_CHARACTERS).prompt or "") == MAX_TEXT_CHARACTERS


def test_time_is_kept_in_utc() -> None:
    assert (
        record(created_at=NOON.astimezone(timezone(timedelta(hours=-8)))).created_at.isoformat() == "2026-11-22T12:00:00+00:00"
    )


def test_parameters_cannot_be_changed_afterwards() -> None:
    mine: dict[str, object] = {"steps": 4}
    made = record(parameters=mine)
    mine["steps"] = 5
    assert dict(made.parameters) == {"steps": 4}
    with pytest.raises(TypeError):
        made.parameters["steps"] = 6  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.seed = 1  # type: ignore[misc]


def test_source_type_follows_the_parents() -> None:
    assert record().digital_source_type is DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
    assert record(parents=(encoded(),)).digital_source_type is DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA


@pytest.mark.parametrize(
    ("media_type", "has_parents", "mode"),
    [
        ("image/png", False, GenerationMode.TEXT_TO_IMAGE),
        ("image/jpeg", True, GenerationMode.IMAGE_TO_IMAGE),
        ("video/mp4", False, GenerationMode.TEXT_TO_VIDEO),
        ("video/mp4", True, GenerationMode.IMAGE_TO_VIDEO),
        ("audio/wav", False, GenerationMode.TEXT_TO_AUDIO),
        ("audio/wav", True, GenerationMode.TEXT_TO_AUDIO),
    ],
)
def test_the_usual_mode_fits_what_is_made_and_what_it_is_made_from(
    media_type: str, has_parents: bool, mode: GenerationMode
) -> None:
    assert GenerationMode.usual(media_type, has_parents=has_parents) is mode
    assert mode.makes == media_type.partition("/")[0]


def test_two_parents_and_an_input_are_told_apart() -> None:
    made = record(parents=(encoded(),), inputs=(encoded("image/jpeg"),))
    assert [a.media_type for a in (*made.parents, *made.inputs)] == ["image/png", "image/jpeg"]
    assert record(inputs=(encoded(),)).digital_source_type is DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
