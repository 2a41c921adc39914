"""The parent's handle on one parser: start it, ask it, and have its end explained.

Every wait has an end. A parser that does not answer in time or in form is killed; one that is killed from elsewhere is noticed
at the next read or write.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from provenance.errors import ExaminerCrashed, ExaminerError, ExaminerOutOfMemory, ExaminerTimedOut, IsolationUnavailable
from provenance.isolation import frames
from provenance.isolation.confinement import Confinement
from provenance.isolation.limits import Limits
from provenance.isolation.wire import from_plain, to_plain

if TYPE_CHECKING:  # what it needs takes longer to load than a child to start
    from provenance.isolation.setup import Setup

MAX_ANSWER_BYTES: Final = 2 * 2**20
"""Most JSON a parser may answer with; evidence of one asset is some kilobytes."""
_REAP_S: Final = 5.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class ParserProcess:
    """One child, from start to end; used by one thread at a time."""

    def __init__(self) -> None:
        """Start it. It loads its libraries while the parent does something else."""
        here, there = socket.socketpair()
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # what we import, it finds
        # One arena and one thread: each more would count against the limit of memory.
        environment = {"PYTHONPATH": path, "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with there:
            self._process = subprocess.Popen(  # this very interpreter and this very package
                [sys.executable, "-P", "-m", "provenance.isolation.child"],
                stdin=there.fileno(),
                stdout=subprocess.DEVNULL,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        self._connection = here
        self._started = time.monotonic()
        self._confinement: Confinement | None = None
        self._first_resident: int | None = None
        self.setup: Setup | None = None
        """What it builds, once it was told."""
        self.requests = 0
        """Requests it has been given."""

    @property
    def process_id(self) -> int:
        """As the system knows it."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def configure(self, setup: Setup, limits: Limits) -> None:
        """Say what to build; returns at once."""
        self.setup = setup
        document = {"setup": to_plain(setup), "memory_bytes": limits.memory_bytes}
        try:
            frames.send(frames.Timed(self._connection, time.monotonic() + limits.start_s), document)
        except OSError as err:
            raise self._not_ready(limits) from err

    def ready(self, limits: Limits) -> Confinement:
        """What holds in it, once it is ready.

        Raises:
            IsolationUnavailable: It did not get ready.
        """
        if self._confinement is None:
            try:
                answer = self._receive(self._started + limits.start_s, max_blob_bytes=0)
                self._confinement = from_plain(Confinement, answer.document.get("ready"))
            except (EOFError, OSError, ValueError) as err:
                raise self._not_ready(limits) from err
        return self._confinement

    def ask(self, document: Mapping[str, Any], blobs: Sequence[bytes], limits: Limits, *, max_blob_bytes: int) -> frames.Frame:
        """The answer to one request.

        Raises:
            ExaminerTimedOut, ExaminerOutOfMemory, ExaminerCrashed: There is none, and the process has ended.
        """
        self.requests += 1
        deadline = time.monotonic() + limits.wall_s
        try:
            self._allow_cpu(limits.cpu_s)
            frames.send(frames.Timed(self._connection, deadline), document, blobs)
            answer = self._receive(deadline, max_blob_bytes=max_blob_bytes)
        except TimeoutError as err:
            self.end()
            raise ExaminerTimedOut(f"parsing took more than {limits.wall_s:g} s") from err
        except frames.FrameError as err:
            self.end()
            raise ExaminerCrashed("the parser's answer had no sound form") from err
        except (EOFError, OSError) as err:
            raise self._explained(limits) from err
        if answer.document.get("out_of_memory"):
            self.end()
            raise ExaminerOutOfMemory(f"parsing needs more than {limits.memory_bytes} bytes of memory")
        return answer

    def worn(self, limits: Limits) -> bool:
        """Whether it is time for a new one."""
        resident = self._resident_bytes()
        if self._first_resident is None:
            self._first_resident = resident
        return self.requests >= limits.requests_per_process or resident > self._first_resident + limits.growth_bytes

    def end(self) -> int | None:
        """Kill it, if it is still there; how it ended, as `subprocess` says it."""
        self._process.kill()
        self._connection.close()
        try:
            return self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:  # stuck in the kernel; it is killed when it comes back from there
            return None

    def _receive(self, deadline: float, *, max_blob_bytes: int) -> frames.Frame:
        stream = frames.Timed(self._connection, deadline)
        return frames.receive(stream, max_document_bytes=MAX_ANSWER_BYTES, max_blob_bytes=max_blob_bytes)

    def _not_ready(self, limits: Limits) -> IsolationUnavailable:
        ended = self._process.poll()
        self.end()
        how = f"did not get ready within {limits.start_s:g} s" if ended is None else f"ended with {_how(ended)}"
        return IsolationUnavailable(f"a parser {how}")

    def _explained(self, limits: Limits) -> ExaminerError:
        with suppress(subprocess.TimeoutExpired):  # it has closed its end and stays: then it ends with our signal
            self._process.wait(_REAP_S)
        ended = self.end()
        if ended == -signal.SIGXCPU:
            return ExaminerTimedOut(f"parsing took more than {limits.cpu_s:g} s of processor time")
        return ExaminerCrashed(f"the parser ended with {_how(ended)}")

    def _allow_cpu(self, seconds: float) -> None:
        if sys.platform == "linux":
            used = sum(map(int, self._proc("stat").rpartition(")")[2].split()[11:13])) / _TICKS
            soft = math.ceil(used + seconds)
            resource.prlimit(self.process_id, resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))

    def _resident_bytes(self) -> int:
        if sys.platform != "linux":
            return 0
        try:
            return int(self._proc("statm").split()[1]) * resource.getpagesize()
        except OSError:
            return 0

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process_id}/{name}").read_text(encoding="ascii")


def _how(ended: int | None) -> str:
    if ended is None:
        return "nothing yet"
    return f"signal {signal.Signals(-ended).name}" if ended < 0 else f"exit status {ended}"
