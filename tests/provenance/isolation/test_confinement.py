"""What a confined process cannot do, tried in a process of its own that was handed nothing but a socket."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = r"""
import ctypes, json, os, resource, socket, subprocess, sys, threading
sys.path.insert(0, sys.argv[1])
import encodings.idna
from provenance.isolation.confinement import confine, withdraw
own_key = os.open("/etc/passwd", os.O_RDONLY)
parent = os.getppid()
namespace = withdraw()
confinement = confine(memory_bytes=200 * 2**20, network_namespace=namespace)
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def thread():
    done = []
    other = threading.Thread(target=lambda: done.append(1))
    other.start()
    other.join()
    assert done

attempts = {
    "connect": lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 1),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "socketpair": socket.socketpair,
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "resolve a name": lambda: socket.getaddrinfo("localhost", 80),
    "read a file": lambda: open("/etc/passwd").read(),
    "read a descriptor it had": lambda: os.read(own_key, 1),
    "read its own memory map": lambda: open("/proc/self/maps").read(),
    "list a directory": lambda: os.listdir("/"),
    "stat a path": lambda: os.stat("/etc/passwd"),
    "write a file": lambda: open(sys.argv[3], "w"),
    "make a directory": lambda: os.mkdir(sys.argv[3]),
    "unlink": lambda: os.unlink(sys.argv[1] + "/pyproject.toml"),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "run a program": lambda: subprocess.run(["/bin/true"]),
    "fork": os.fork,
    "signal the parent": lambda: os.kill(parent, 0),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
    "import": lambda: __import__("wave"),
    "memfd": lambda: os.memfd_create("x"),
    "pipe": os.pipe,
    "take 300 MB": lambda: bytearray(300 * 2**20),
    "start a thread": thread,
    "take 50 MB": lambda: bytearray(50 * 2**20),
    "read the clock": lambda: __import__("time").time(),
}
if sys.argv[4] == "x86_64":
    numbers = dict(ptrace=101, process_vm_readv=310, process_vm_writev=311, mount=165, unshare=272, setns=308, bpf=321,
                   io_uring_setup=425, userfaultfd=323, keyctl=250, perf_event_open=298, chroot=161, sendmsg=46, pidfd_open=434,
                   seccomp=317, prctl=157, open=2, openat2=437, execveat=322, vfork=58, clone3=435)
    for name, number in numbers.items():
        attempts["call " + name] = lambda number=number: call(number, 0, 0, 0, 0, 0)

results = {}
for name, attempt in attempts.items():
    try:
        attempt()
    except BaseException as err:
        results[name] = [type(err).__name__, getattr(err, "errno", None)]
    else:
        results[name] = "done"
answer = {"results": results, "filtered": confinement.filtered, "reason": confinement.reason, "environment": dict(os.environ)}
os.write(0, json.dumps(answer).encode())
"""

STILL_ALLOWED = {"start a thread", "take 50 MB", "read the clock"}
REFUSED_OTHERWISE = {
    "read a descriptor it had": ["OSError", 9],
    "take 300 MB": ["MemoryError", None],
    "resolve a name": ["gaierror", -3],
    "raise a limit": ["ValueError", None],
    "call clone3": ["OSError", 38],
}
"""The rest is refused with EPERM."""


@cache
def tried() -> dict[str, object]:
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("system calls are filtered on Linux, on x86_64 and aarch64, only")
    here, there = socket.socketpair()
    with here, there, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        target = "/tmp/assay-must-not-appear"
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(ROOT), str(port), target, platform.machine()],
            stdin=there,
            timeout=60,
            env={"SECRET": "x", "OPENBLAS_NUM_THREADS": "1"},
            check=True,
        )
        assert done.returncode == 0
        assert not Path(target).exists()
        return json.loads(here.recv(2**20))


def test_it_says_that_it_is_confined():
    assert (tried()["filtered"], tried()["reason"]) == (True, "")


def test_every_way_out_is_refused():
    refused = {name: result for name, result in tried()["results"].items() if name not in STILL_ALLOWED}
    assert len(refused) > 20
    assert refused == {name: REFUSED_OTHERWISE.get(name, ["PermissionError", 1]) for name in refused}


def test_work_is_still_possible():
    assert {name: tried()["results"][name] for name in STILL_ALLOWED} == dict.fromkeys(STILL_ALLOWED, "done")


def test_the_environment_is_empty():
    assert tried()["environment"] == {}
