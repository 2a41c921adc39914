"""A pool of parsers: takes assets from any thread, gives back evidence and pixels.

A parser that crashed, hung or grew is replaced at once, and its successor gets ready while others work. Which parser looks at
which asset is nobody's choice.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Literal

from provenance.asset import Asset
from provenance.errors import AssayError, AssetError, ExaminerError, ExaminerTimedOut, IsolationUnavailable
from provenance.isolation.answers import Look, read_answer
from provenance.isolation.confinement import Confinement
from provenance.isolation.limits import Limits
from provenance.isolation.process import ParserProcess
from provenance.isolation.setup import Setup
from provenance.pixels import MAX_ASSET_PIXELS, PixelArray

_TURNS: Final = 4
"""How many requests' time one waits for a parser before it gives up."""

logger = logging.getLogger("assay.isolation")


class Parsers:
    """The pool; safe to share between threads. To be closed."""

    def __init__(
        self, setup: Setup, limits: Limits | None = None, *, required: bool = True, first: ParserProcess | None = None
    ) -> None:
        """Nothing is started yet.

        Args:
            setup: What every parser builds.
            limits: What a request may cost.
            required: Whether a parser that cannot be confined is refused; if not, it works, and the log says so.
            first: A process started ahead, which is taken over.
        """
        self._setup = setup
        self._limits = limits or Limits()
        self._required = required
        self._free = threading.Condition()
        self._idle: list[ParserProcess] = []
        self._all: set[ParserProcess] = set()
        self._confinement: Confinement | None = None
        # A child dies with the thread that started it, so that is one which lives as long as the pool.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="parsers")
        self._end = weakref.finalize(self, _end_all, self._all, os.getpid())
        if first is not None:
            first.configure(setup, self._limits)
            self._all.add(first)
            self._idle.append(first)

    @property
    def names(self) -> tuple[str, ...]:
        """Examiners that every parser has."""
        return self._setup.examiners

    @property
    def confinement(self) -> Confinement | None:
        """What holds in the newest parser; None before there was one."""
        return self._confinement

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the parsers there are."""
        return tuple(process.process_id for process in tuple(self._all))

    def begin(self) -> None:
        """Start every parser, and do not wait for them to get ready.

        Raises:
            IsolationUnavailable: They cannot be started.
        """
        with self._free:
            while len(self._all) < self._limits.processes:
                self._idle.append(self._started())

    def start(self) -> None:
        """Have every parser ready.

        Raises:
            IsolationUnavailable: They cannot be started, or not be confined although that is required.
        """
        self.begin()
        with self._free:
            waiting = list(self._idle)
        for process in waiting:
            self._require_confined(process)

    def renew(self, setup: Setup) -> None:
        """Let later requests go to parsers made with `setup`; what is being parsed is finished first.

        Raises:
            IsolationUnavailable: The new ones cannot be started.
        """
        with self._free:
            self._setup = setup
            for process in self._idle:
                process.end()
                self._all.discard(process)
            replaced = len(self._idle)
            self._idle = [self._started() for _ in range(replaced)]
            self._free.notify_all()

    def look(
        self,
        asset: Asset,
        examiners: Sequence[str],
        *,
        max_pixels: int = MAX_ASSET_PIXELS,
        pixels: Literal["none", "decode", "send"] = "none",
        sidecar: bytes | None = None,
    ) -> Look:
        """Read the header, let `examiners` look, and decode the pixels if they are wanted: one trip of the bytes for all.

        Args:
            asset: The asset.
            examiners: Some of `names`.
            max_pixels: Limit of decoded pixels.
            pixels: Whether to decode them, and whether to send them.
            sidecar: A manifest that came beside the asset, to be validated instead of an embedded one.

        Raises:
            PixelsTooMany, AssetAnimated, AssetUnreadable: The header says so; nobody has looked.
            ExaminerTimedOut, ExaminerOutOfMemory, ExaminerCrashed: The asset was too much for a parser.
            IsolationUnavailable: There is no parser, or no confined one although that is required.
        """
        document: dict[str, Any] = {
            "asset_bytes": len(asset.data),
            "media_type": asset.media_type,
            "sha256": asset.sha256,
            "sidecar": sidecar is not None,
            "examiners": list(examiners),
            "max_pixels": max_pixels,
            "pixels": pixels,
        }
        most = max_pixels * 3 if pixels == "send" else 0
        try:
            with self._parser() as process:
                answer = process.ask(document, [asset.data, sidecar or b""], self._limits, max_blob_bytes=most)
                return read_answer(answer, examiners, max_pixels=max_pixels, pixels=pixels)
        except ExaminerError as err:
            logger.warning("no answer on %s: %s: %s", asset.sha256[:12], err.code, err)
            raise

    def decode(self, asset: Asset, *, max_pixels: int = MAX_ASSET_PIXELS) -> PixelArray:
        """As `provenance.pixels.decode`, in a parser.

        Raises:
            AssetError: As there.
            ExaminerError, IsolationUnavailable: As `look`.
        """
        return self.look(asset, (), max_pixels=max_pixels, pixels="send").pixels()

    def vet(self, asset: Asset, *, max_pixels: int = MAX_ASSET_PIXELS) -> None:
        """Return only if every examiner and, where there are pixels, the decoder of this format got through `asset`.

        Raises:
            AssetError: It cannot be decoded, or its header says what `look` refuses.
            ExaminerError, IsolationUnavailable: As `look`.
        """
        found = self.look(asset, self.names, max_pixels=max_pixels, pixels="decode" if asset.has_pixels else "none")
        found.require_decoded()

    def close(self) -> None:
        """End every parser."""
        self._starter.shutdown(wait=False, cancel_futures=True)
        self._end()

    def __enter__(self) -> Parsers:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _parser(self) -> Iterator[ParserProcess]:
        process = self._taken()
        try:
            self._require_confined(process)
            yield process
        except AssetError:
            raise  # an answer like any other
        except BaseException:
            process.end()  # what it still has to say must not be taken for the answer to another request
            raise
        finally:
            self._given_back(process)

    def _taken(self) -> ParserProcess:
        until = time.monotonic() + _TURNS * self._limits.wall_s
        with self._free:
            while True:
                if self._idle:
                    process = self._idle.pop()
                    if not process.ended:
                        return process
                    process.end()  # somebody else ended it while it had nothing to do
                    self._all.discard(process)
                elif len(self._all) < self._limits.processes:
                    return self._started()
                else:
                    left = until - time.monotonic()
                    if left <= 0 or not self._free.wait(left):
                        raise ExaminerTimedOut("no parser came free in time")

    def _given_back(self, process: ParserProcess) -> None:
        spent = process.ended or process.setup is not self._setup or process.worn(self._limits)
        if spent:
            process.end()
        with self._free:
            if spent:
                self._all.discard(process)
            else:
                self._idle.append(process)
            self._free.notify()

    def _started(self) -> ParserProcess:
        process = self._starter.submit(ParserProcess).result()
        self._all.add(process)
        process.configure(self._setup, self._limits)
        return process

    def _require_confined(self, process: ParserProcess) -> None:
        try:
            confinement = process.ready(self._limits)
            if self._required and not confinement.filtered:
                raise IsolationUnavailable(f"a parser cannot be confined here: {confinement.reason}")
        except AssayError:
            process.end()
            raise
        if self._confinement is None and not confinement.filtered:
            logger.warning("parsers run unconfined: %s", confinement.reason)
        self._confinement = confinement


def _end_all(processes: set[ParserProcess], owner: int) -> None:
    if os.getpid() != owner:  # a fork: these are another process's children
        return
    for process in list(processes):
        process.end()
    processes.clear()
