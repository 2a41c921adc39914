"""A batch leaves whole or not at all, and stamping does not hold up the next one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from provenance.errors import PipelineError, SignerUnavailable
from provenance.pipelines import stamped
from tests.fakes import FakeStamper
from tests.tiny_pipelines import SIZE

CALL = {"num_inference_steps": 1, "height": SIZE, "width": SIZE}


@pytest.mark.parametrize("fail_at", [0, 1, 2])
def test_one_image_that_cannot_be_stamped_keeps_all_back(fail_at, tiny, wrap):
    with pytest.raises(SignerUnavailable, match="out of reach"):
        wrap(tiny("sd15"), FakeStamper(fail_at=fail_at))("x", num_images_per_prompt=3, **CALL)


def test_the_next_batch_is_not_held_responsible(tiny, wrap):
    pipeline = wrap(tiny("sd15"), FakeStamper(fail_at=0))
    with pytest.raises(SignerUnavailable):
        pipeline("x", **CALL)
    assert len(pipeline("x", **CALL)) == 1


def test_a_stamper_that_breaks_in_its_own_way_is_a_pipeline_error_with_the_cause(tiny, wrap):
    error = OSError("no space left on device")
    with pytest.raises(PipelineError, match="no space left") as caught:
        wrap(tiny("sd15"), FakeStamper(fail_at=0, error=error))("x", **CALL)
    assert caught.value.__cause__ is error


def test_generating_goes_on_while_a_batch_is_stamped(tiny, wrap):
    stamper = FakeStamper()
    pipeline = wrap(tiny("sd15"), stamper)
    stamper.gate.clear()
    first = pipeline.submit("x", **CALL)
    second = pipeline.submit("y", **CALL)
    assert (first.done(), second.done()) == (False, False)
    with pytest.raises(TimeoutError, match="1 of 1"):
        first.result(timeout_s=0.01)
    stamper.gate.set()
    assert [batch.result().records[0].prompt for batch in (first, second)] == ["x", "y"]


def test_raw_pixels_do_not_pile_up_behind_a_slow_stamper(tiny, wrap):
    stamper = FakeStamper()
    pipeline = wrap(tiny("sd15"), stamper)
    stamper.gate.clear()
    waiting = [pipeline.submit("x", **CALL) for _ in range(2)]
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(pipeline.submit, "y", **CALL)
        with pytest.raises(TimeoutError):
            third.result(timeout=0.5)
        stamper.gate.set()
        assert third.result(timeout=60).result().records[0].prompt == "y"
    assert all(batch.done() for batch in waiting)


def test_threads_that_share_a_pipeline_generate_in_turn(tiny, wrap):
    pipeline = wrap(tiny("sd15"))
    inside, most, lock = [], [], threading.Lock()

    def progress(done, total):
        with lock:
            inside.append(threading.get_ident())
            most.append(done)

    with ThreadPoolExecutor(2) as pool:
        calls = {**CALL, "num_inference_steps": 3}
        results = [f.result() for f in [pool.submit(pipeline.submit, p, progress=progress, **calls) for p in ("a", "b")]]
    assert [r.result().records[0].prompt for r in results] == ["a", "b"]
    assert most == [1, 2, 3, 1, 2, 3]
    assert inside == [inside[0]] * 3 + [inside[3]] * 3


def test_progress_counts_steps_and_sees_nothing_else(tiny, wrap):
    seen = []
    wrap(tiny("image_to_image")).submit(
        "x", image=_picture(), num_inference_steps=4, strength=0.5, progress=lambda *numbers: seen.append(numbers)
    ).result()
    assert seen == [(1, 2), (2, 2)]


def test_progress_of_the_older_callback_slot(tiny, wrap):
    seen = []
    wrap(tiny("upscaler")).submit("x", image=_picture(), num_inference_steps=2, progress=lambda *n: seen.append(n)).result()
    assert seen == [(1, 2), (2, 2)]


def test_what_progress_raises_ends_the_call_and_comes_out_unchanged(tiny, wrap):
    class Cancelled(Exception):
        pass

    def cancel(done, total):
        raise Cancelled

    stamper = FakeStamper()
    pipeline = wrap(tiny("sd15"), stamper)
    with pytest.raises(Cancelled):
        pipeline.submit("x", progress=cancel, **CALL)
    assert stamper.records == []
    assert len(pipeline("x", **CALL)) == 1


def test_a_closed_pipeline_lets_nothing_out(tiny):
    pipeline = stamped(tiny("sd15"), FakeStamper())
    pipeline.close()
    with pytest.raises(PipelineError, match="closed"):
        pipeline("x", **CALL)


def _picture():
    from tests.provenance.pipelines.conftest import picture

    return picture()
