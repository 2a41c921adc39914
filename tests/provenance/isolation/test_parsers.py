"""The pool, with real children and inputs that really are too much for one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from provenance.asset import Asset
from provenance.errors import (
    AssayError,
    AssetAnimated,
    AssetEmpty,
    AssetUnreadable,
    AssetUnsupported,
    ExaminerCrashed,
    ExaminerOutOfMemory,
    ExaminerTimedOut,
    IsolationUnavailable,
    PixelsTooMany,
)
from provenance.evidence import success_codes
from provenance.isolation.confinement import Confinement
from provenance.isolation.examiners import IsolatedExaminer, gathered
from provenance.isolation.limits import Limits
from provenance.isolation.parsers import Parsers
from provenance.isolation.process import ParserProcess
from provenance.isolation.setup import EXAMINERS, Setup, build
from provenance.pixels import decode
from provenance.trust.store import TrustStore
from tests.assets.build_assets import ASSETS
from tests.assets.chains import sound_chain
from tests.assets.pictures import animated, encoded, png_announcing, png_chunk

SETUP = Setup(EXAMINERS, sound_chain().trust(), at=datetime.now(UTC))
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    with Parsers(SETUP, Limits(processes=1)) as parsers:
        yield parsers


@contextmanager
def one_parser(**limits: float) -> Iterator[tuple[Parsers, ParserProcess]]:
    """A pool of one, and the process in it, so that a test can do something to it."""
    process = ParserProcess()
    with Parsers(SETUP, Limits(processes=1, **limits), first=process) as parsers:
        parsers.start()
        yield parsers, process


@cache
def heavy() -> Asset:
    """49 megapixels with transparency in half a megabyte: 147 MB of RGB, and seconds to get there."""
    side = 7000
    deflate = zlib.compressobj(1)
    row = b"\0" + bytes(range(1, 5)) * side
    data = b"".join([*(deflate.compress(row) for _ in range(side)), deflate.flush()])
    header = side.to_bytes(4, "big") * 2 + bytes([8, 6, 0, 0, 0])
    chunks = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return Asset.from_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def state(process_id: int) -> str:
    """As /proc says it; "gone" without a process."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(") ")[2][0]
    except OSError:
        return "gone"


def until_gone(process_ids: list[int], within_s: float = 10.0) -> list[str]:
    end = time.monotonic() + within_s
    while any(state(p) not in ("gone", "Z") for p in process_ids) and time.monotonic() < end:
        time.sleep(0.02)
    return [state(p) for p in process_ids]


def evidence_or_code(examine: object) -> object:
    try:
        return tuple(examine())  # type: ignore[operator]
    except AssayError as err:
        return err.code, str(err)


@pytest.mark.parametrize("name", sorted(set(ASSETS) - {"document.png", "empty.png"}))  # which are no assets
def test_a_parser_finds_what_is_found_here(parsers, name):
    asset = Asset.from_bytes(ASSETS[name]())
    try:
        decode(asset)
        look = parsers.look(asset, EXAMINERS, pixels="send")
    except (PixelsTooMany, AssetAnimated, AssetUnreadable) as err:
        with pytest.raises(type(err), match=re.escape(str(err))):
            parsers.look(asset, EXAMINERS, pixels="send").pixels()
        return
    for examiner in build(SETUP).values():
        here = evidence_or_code(lambda examiner=examiner: examiner.examine(asset))
        assert evidence_or_code(lambda examiner=examiner: look.evidence(examiner.name)) == here
    assert np.array_equal(look.pixels(), decode(asset))


def test_a_sidecar_is_validated_instead(parsers):
    stamped = Asset.from_bytes(ASSETS["signed.png"]())
    at = stamped.data.index(b"caBX")
    store = stamped.data[at + 4 : at + 4 + int.from_bytes(stamped.data[at - 4 : at], "big")]
    bare = Asset.from_bytes(ASSETS["stripped.png"]())
    here = tuple(build(SETUP, sidecar=store)["c2pa"].examine(bare))
    assert parsers.look(bare, ("c2pa",), sidecar=store).evidence("c2pa") == here
    assert parsers.look(bare, ("c2pa",)).evidence("c2pa") != here


def test_the_parser_is_confined(parsers):
    parsers.start()
    assert parsers.confinement is not None
    assert parsers.confinement.filtered


def test_many_threads_get_their_own_answers():
    assets = [encoded(media_type, seed) for media_type in ("image/png", "image/jpeg") for seed in range(8)]
    with Parsers(SETUP, Limits(processes=2)) as parsers, ThreadPoolExecutor(8) as threads:
        for asset, pixels in zip(assets, threads.map(parsers.decode, assets), strict=True):
            assert np.array_equal(pixels, decode(asset))


def test_the_header_refuses_before_anyone_looks(parsers):
    with pytest.raises(PixelsTooMany, match="limit is 50000000"):
        parsers.look(Asset.from_bytes(png_announcing(100_000, 100_000)), EXAMINERS)
    with pytest.raises(AssetAnimated):
        parsers.vet(Asset.from_bytes(animated("GIF")))


def test_half_a_picture_is_not_vetted(parsers):
    parsers.vet(encoded())
    with pytest.raises(AssetUnreadable):
        parsers.vet(Asset.from_bytes(encoded().data[:-600]))


def test_memory_is_limited_and_the_next_asset_is_looked_at():
    with one_parser(memory_bytes=100 * 2**20) as (parsers, process):
        with pytest.raises(ExaminerOutOfMemory, match="104857600 bytes"):
            parsers.decode(heavy())
        assert process.ended
        assert np.array_equal(parsers.decode(encoded()), decode(encoded()))


def test_processor_time_is_limited():
    with one_parser(cpu_s=0.1) as (parsers, process):  # rounded up: between one and two seconds
        with pytest.raises(ExaminerTimedOut, match="processor time"):
            parsers.look(heavy(), EXAMINERS, pixels="decode")
        assert process.ended


def test_time_is_limited_and_nobody_waits_for_a_parser_that_stands_still():
    with one_parser(wall_s=0.5) as (parsers, process):
        os.kill(process.process_id, signal.SIGSTOP)
        with pytest.raises(ExaminerTimedOut, match=r"more than 0\.5 s"):
            parsers.look(encoded(), EXAMINERS)
        assert process.ended
        assert parsers.look(encoded(), EXAMINERS).evidence("c2pa")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_named_and_costs_one_request(number):
    with one_parser() as (parsers, process):
        os.kill(process.process_id, signal.SIGSTOP)
        crash = threading.Timer(0.2, os.kill, (process.process_id, number))
        crash.start()
        threading.Timer(0.4, os.kill, (process.process_id, signal.SIGCONT)).start() if number != signal.SIGKILL else None
        with pytest.raises(ExaminerCrashed, match=number.name):
            parsers.look(encoded(), EXAMINERS)
        crash.join()
        assert parsers.look(encoded(), EXAMINERS).evidence("c2pa")


def test_a_sound_that_aborts_the_sdk_costs_one_request():
    """An ID3 frame announces 3.75 GB; the SDK (0.91.3) asks for it at once, and aborts where it is refused.

    `Asset.from_bytes` knows this one and refuses it before; it stands for those that nobody knows yet.
    """
    frame = b"TIT2" + (0xF0000003).to_bytes(4, "big") + b"\x00\x80" + (100).to_bytes(4, "big")
    sound = Asset(b"ID3\x03\0\0\0\0\0\x0e" + frame + (b"\xff\xfb\x90\0" + bytes(413)) * 3, "audio/mpeg", "0" * 64)
    with one_parser() as (parsers, process):
        with pytest.raises(ExaminerCrashed, match="SIGABRT"):
            parsers.look(sound, ("c2pa",))
        assert process.ended
        assert parsers.look(encoded(), EXAMINERS).evidence("c2pa")


def test_a_crash_leaves_other_requests_alone():
    with Parsers(SETUP, Limits(processes=2)) as parsers, ThreadPoolExecutor(2) as threads:
        parsers.start()
        victim, other = parsers._idle
        os.kill(victim.process_id, signal.SIGSTOP)
        os.kill(other.process_id, signal.SIGSTOP)
        waiting = [threads.submit(parsers.decode, encoded(seed=seed)) for seed in (0, 1)]
        os.kill(victim.process_id, signal.SIGKILL)
        os.kill(other.process_id, signal.SIGCONT)
        failed = [future.exception() for future in waiting]
        assert sorted(type(err).__name__ for err in failed) == ["ExaminerCrashed", "NoneType"]


def test_a_parser_is_replaced_after_so_many_assets():
    with one_parser(requests_per_process=2) as (parsers, process):
        parsers.look(encoded(), EXAMINERS)
        assert not process.ended
        parsers.look(encoded(), EXAMINERS)
        assert process.ended
        assert parsers.look(encoded(), EXAMINERS).evidence("marks")


def test_an_interrupted_request_takes_its_parser_with_it(monkeypatch):
    """Its answer would otherwise be read as the answer to the next request."""
    with one_parser() as (parsers, process):
        receive = ParserProcess._receive

        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(ParserProcess, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            parsers.look(encoded(), EXAMINERS)
        monkeypatch.setattr(ParserProcess, "_receive", receive)
        assert process.ended
        assert parsers.look(Asset.from_bytes(ASSETS["signed.png"]()), ("c2pa",)).evidence("c2pa")[0].code != "manifest.absent"


def test_renewed_parsers_look_with_another_setup():
    stamped = Asset.from_bytes(ASSETS["signed.png"]())
    with one_parser() as (parsers, process):
        trusted = success_codes(parsers.look(stamped, EXAMINERS).evidence("c2pa"))
        parsers.renew(Setup(EXAMINERS, TrustStore()))
        assert process.ended
        assert trusted - success_codes(parsers.look(stamped, EXAMINERS).evidence("c2pa")) == {"signingCredential.trusted"}


def test_a_parser_at_work_is_replaced_after_its_answer():
    with one_parser() as (parsers, process), ThreadPoolExecutor(1) as threads:
        os.kill(process.process_id, signal.SIGSTOP)
        answer = threads.submit(parsers.look, encoded(), EXAMINERS)
        while parsers._idle:
            time.sleep(0.01)
        parsers.renew(Setup(EXAMINERS, TrustStore()))
        os.kill(process.process_id, signal.SIGCONT)
        assert answer.result().evidence("c2pa")
        assert process.ended


def test_a_failed_trip_becomes_a_failure_of_each_examiner():
    with one_parser(memory_bytes=100 * 2**20) as (parsers, _):
        looking = gathered(heavy(), [IsolatedExaminer(name, parsers) for name in EXAMINERS] + [Wanting()], parsers)
        assert [examiner.name for examiner in looking] == [*EXAMINERS, "wanting"]
        for examiner in looking:
            with pytest.raises(ExaminerOutOfMemory):
                examiner.examine(heavy())


class Wanting:
    """Wants pixels."""

    name = "wanting"

    def examine(self, asset):
        raise AssertionError("the pixels were to come from the parser")

    def examine_pixels(self, asset, pixels):
        assert np.array_equal(pixels, decode(asset))
        return []


def test_whoever_wants_pixels_gets_them_from_the_parser(parsers):
    (looking,) = gathered(encoded(), [Wanting()], parsers)
    assert looking.examine(encoded()) == []


def test_closing_ends_every_parser():
    with Parsers(SETUP, Limits(processes=2)) as parsers:
        parsers.begin()
        process_ids = [process.process_id for process in parsers._idle]
    assert [state(process_id) for process_id in process_ids] == ["gone", "gone"]


def test_parsers_die_with_their_parent():
    script = (
        "import sys, time; from provenance.isolation.parsers import Parsers; from provenance.isolation.setup import Setup\n"
        "from provenance.trust.store import TrustStore; parsers = Parsers(Setup(('marks',), TrustStore())); parsers.start()\n"
        "print(*(p.process_id for p in parsers._idle), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    with parent:
        assert parent.stdout is not None
        process_ids = [int(word) for word in parent.stdout.readline().split()]
        assert [state(p) in "SR" for p in process_ids] == [True, True]
        for process_id in process_ids:
            os.kill(process_id, signal.SIGSTOP)  # so that none can notice by itself
        parent.kill()
    assert set(until_gone(process_ids)) <= {"gone", "Z"}


def test_a_forgotten_pool_leaves_nobody_behind():
    parsers = Parsers(SETUP, Limits(processes=1))
    parsers.start()
    (process,) = parsers._idle
    del parsers
    assert process.ended


class Unconfined(ParserProcess):
    """Says that this system lets nobody confine it."""

    def ready(self, limits):
        super().ready(limits)
        return Confinement(filtered=False, network_namespace=False, reason="the kernel is too old")


def test_where_it_is_required_an_unconfined_parser_is_refused():
    message = "cannot be confined here: the kernel is too old"
    with Parsers(SETUP, Limits(processes=1), first=Unconfined()) as parsers, pytest.raises(IsolationUnavailable, match=message):
        parsers.start()


def test_where_it_is_preferred_an_unconfined_parser_works_and_is_named(caplog):
    with Parsers(SETUP, Limits(processes=1), required=False, first=Unconfined()) as parsers:
        assert parsers.look(encoded(), EXAMINERS).evidence("marks")
        assert parsers.confinement == Confinement(False, False, "the kernel is too old")
    assert caplog.messages == ["parsers run unconfined: the kernel is too old"]


def test_a_parser_that_does_not_get_ready_is_given_up():
    process = ParserProcess()
    os.kill(process.process_id, signal.SIGSTOP)
    with Parsers(SETUP, Limits(processes=1, start_s=1.0), first=process) as parsers:
        with pytest.raises(IsolationUnavailable, match="did not get ready within 1 s"):
            parsers.look(encoded(), EXAMINERS)
        assert process.ended


def test_a_parser_finds_in_other_peoples_files_what_is_found_here(parsers, shared):
    """An examiner that loads, opens or starts something when it first meets a feature would be stopped in a parser."""
    examiners = build(SETUP)
    compared = 0
    for path in sorted((shared / "c2pa").rglob("*")):
        if not path.is_file() or path.stat().st_size > 300_000:
            continue
        try:
            asset = Asset.from_bytes(path.read_bytes())
            look = parsers.look(asset, ("c2pa", "marks"))
        except (AssetEmpty, AssetUnsupported, AssetUnreadable):
            continue
        compared += 1
        for name in ("c2pa", "marks"):
            here = evidence_or_code(lambda name=name, asset=asset: examiners[name].examine(asset))
            assert evidence_or_code(lambda name=name, look=look: look.evidence(name)) == here, path.name
    assert compared > 90
