"""The system calls a parser may still make: memory, threads, clocks, and reading and writing what is open already.

A list of what is allowed, so that what nobody thought of is refused. Everything else answers EPERM, which libraries take for an
ordinary failure; another architecture's calls end the process. Linux on x86_64 and aarch64; the latter's numbers were taken
from the kernel's table and not run.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; linux/bpf_common.h, linux/seccomp.h; seccomp(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC: threads that libraries have started already are bound as well
_KILL_PROCESS: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16  # eight bytes each, the low half first on both architectures
_X32_CALLS: Final = 0x40000000

_CLONE_THREAD: Final = 0x00010000
_AT_EMPTY_PATH: Final = 0x1000
_F_DUPFD_CLOEXEC: Final = 1030


@dataclass(frozen=True, slots=True)
class _Architecture:
    audit: int
    seccomp: int
    clone3: int
    allowed: tuple[int, ...]
    clone: int
    tgkill: int
    prlimit64: int
    newfstatat: int
    fcntl: int


# In this order: read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn readv writev
# sched_yield mremap madvise nanosleep getpid exit gettimeofday getrusage sysinfo sigaltstack gettid futex sched_getaffinity
# restart_syscall clock_gettime clock_getres clock_nanosleep exit_group set_robust_list ppoll getcpu getrandom membarrier rseq
# getrlimit, epoll_create1 epoll_ctl epoll_pwait eventfd2 (where it cannot have an event loop, the SDK's HTTP client aborts the
# process; connect it cannot), and on x86_64 epoll_wait, poll and time.
_X86_64: Final = _Architecture(
    audit=0xC000003E,
    seccomp=317,
    clone3=435,
    allowed=(
        *(0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 24, 25, 28, 35, 39, 60, 96, 98, 99, 131, 186, 202, 204),
        *(219, 228, 229, 230, 231, 273, 271, 309, 318, 324, 334, 97, 291, 233, 281, 290, 232, 7, 201),
    ),
    clone=56,
    tgkill=234,
    prlimit64=302,
    newfstatat=262,
    fcntl=72,
)
_AARCH64: Final = _Architecture(
    audit=0xC00000B7,
    seccomp=277,
    clone3=435,
    allowed=(
        *(63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 65, 66, 124, 216, 233, 101, 172, 93, 169, 165, 179, 132, 178),
        *(98, 123, 128, 113, 114, 115, 94, 99, 73, 168, 278, 283, 293, 163, 20, 21, 22, 19),
    ),
    clone=220,
    tgkill=131,
    prlimit64=261,
    newfstatat=79,
    fcntl=25,
)
_ARCHITECTURES: Final = {"x86_64": _X86_64, "aarch64": _AARCH64}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install() -> None:
    """Bind every thread of this process, and whatever they start, for good; needs `no_new_privs`.

    Raises:
        OSError: The kernel refused; nothing is bound.
        NotImplementedError: This system or processor has no filter here.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if platform.system() != "Linux" or architecture is None:
        raise NotImplementedError(f"no system call filter for {platform.system()} on {platform.machine()}")
    code = b"".join(_instructions(architecture, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(
        ctypes.c_long(architecture.seccomp), ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(_ALL_THREADS), ctypes.byref(program)
    )
    if done != 0:
        number = ctypes.get_errno() if done < 0 else errno.EBUSY  # above zero: the thread that could not be bound
        raise OSError(number, os.strerror(number))


def _instructions(architecture: _Architecture, process_id: int) -> Iterator[bytes]:
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    allow = _step(_RETURN, _ALLOW)
    yield _step(_LOAD, _ARCHITECTURE_AT)
    yield _step(_IF_EQUAL, architecture.audit, 1, 0)
    yield _step(_RETURN, _KILL_PROCESS)
    yield _step(_LOAD, _NUMBER_AT)
    yield _step(_IF_AT_LEAST, _X32_CALLS, 0, 1)
    yield _step(_RETURN, _KILL_PROCESS)
    for number in architecture.allowed:
        yield _step(_IF_EQUAL, number, 0, 1)
        yield allow
    # The arguments of clone3 lie in memory, out of a filter's sight; told that it does not exist, libc uses clone.
    yield _step(_IF_EQUAL, architecture.clone3, 0, 1)
    yield _step(_RETURN, _ERRNO | errno.ENOSYS)
    # Threads, and no processes.
    yield from _if_argument(architecture.clone, 0, _step(_IF_ANY_BIT, _CLONE_THREAD, 0, 1), allow, refuse)
    # abort() of this process, and signals to no other.
    yield from _if_argument(architecture.tgkill, 0, _step(_IF_EQUAL, process_id, 0, 1), allow, refuse)
    # fstat by its newer name.
    yield from _if_argument(architecture.newfstatat, 3, _step(_IF_ANY_BIT, _AT_EMPTY_PATH, 0, 1), allow, refuse)
    # A second name for what is open. What else it does includes signals to others.
    yield from _if_argument(architecture.fcntl, 1, _step(_IF_EQUAL, _F_DUPFD_CLOEXEC, 0, 1), allow, refuse)
    # Limits may be read. Both halves of the pointer to new ones are zero then.
    yield _step(_IF_EQUAL, architecture.prlimit64, 0, 6)
    yield _step(_LOAD, _ARGUMENTS_AT + 2 * 8)
    yield _step(_IF_EQUAL, 0, 0, 3)
    yield _step(_LOAD, _ARGUMENTS_AT + 2 * 8 + 4)
    yield _step(_IF_EQUAL, 0, 0, 1)
    yield allow
    yield refuse
    yield refuse


def _if_argument(number: int, argument: int, test: bytes, allow: bytes, refuse: bytes) -> Iterator[bytes]:
    yield _step(_IF_EQUAL, number, 0, 4)
    yield _step(_LOAD, _ARGUMENTS_AT + argument * 8)
    yield test
    yield allow
    yield refuse


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
