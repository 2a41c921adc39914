"""Give up, for good, what a parser does not need, and prove that it is gone.

`withdraw` comes first, while the process has one thread: no network interfaces, no privileges, an end with the parent.
`confine` comes when everything is loaded: no files, no programs, no sockets, and memory bounded by what is held now plus an
allowance.

Source: prctl(2), unshare(2), setrlimit(2); `provenance.isolation.seccomp`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.isolation import seccomp

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
CHANNEL: Final = 0
"""File descriptor of the way to the parent."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds in a parser; tried, not assumed."""

    filtered: bool
    """No file can be opened, no program started and no socket made."""
    network_namespace: bool
    """There is no network interface either. Some systems allow this to administrators only."""
    reason: str = ""
    """Why it is not filtered."""


def withdraw() -> bool:
    """Die with the parent, take up no privilege, leave the network behind; whether the last of these was allowed.

    To be called while there is one thread. A parent that ended before this call is noticed when its channel is read.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) == 0)


def confine(*, memory_bytes: int, network_namespace: bool) -> Confinement:
    """Close what is open, set limits and filter system calls; whatever is not loaded by now stays out of reach.

    Args:
        memory_bytes: What may be mapped beyond what is mapped now.
        network_namespace: What `withdraw` said.
    """
    os.chdir("/")
    os.environ.clear()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.closerange(3, 4096)
    if sys.platform == "linux":
        mapped_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _limit(resource.RLIMIT_AS, mapped_pages * os.sysconf("SC_PAGE_SIZE") + memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, 32)
    try:
        seccomp.install()
    except (OSError, NotImplementedError) as err:
        return Confinement(False, network_namespace, f"system calls are not filtered: {err}")
    reason = "; ".join(_still_possible())
    return Confinement(not reason, network_namespace, reason)


def _limit(which: int, value: int) -> None:
    resource.setrlimit(which, (value, value))


def _still_possible() -> list[str]:
    """What ought to be refused and is not; each is tried in a way that does nothing where it is not refused."""
    attempts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("a file can be opened", lambda: os.open("/", os.O_RDONLY)),
        ("a path can be looked at", lambda: os.stat("/")),
        ("a program can be started", lambda: os.execv("/", ["/"])),  # noqa: S606  # a directory
        ("a process can be started", _fork),
        ("a socket can be made", lambda: socket.socket(socket.AF_UNIX)),
        ("a process can be signalled", lambda: os.kill(os.getppid(), 0)),
    )
    return [what for what, attempt in attempts if not _refused(attempt)]


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as err:
        return err.errno == errno.EPERM
    return False
