from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.storage import LocalObjects
from provenance.errors import StorageError


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects.open(tmp_path / "objects")


def test_an_object_is_found_under_the_digest_of_its_bytes(objects):
    sha256 = objects.put(b"bytes")
    assert sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert objects.get(sha256) == b"bytes"
    assert sha256 in objects


def test_the_same_bytes_twice_are_one_object(objects):
    assert objects.put(b"twice") == objects.put(b"twice")
    assert list(objects) == [hashlib.sha256(b"twice").hexdigest()]


def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(objects):
    sha256 = objects.put(b"short-lived")
    objects.delete(sha256)
    objects.delete(sha256)
    assert sha256 not in objects
    with pytest.raises(StorageError, match="could not read object"):
        objects.get(sha256)


def test_a_damaged_object_is_not_handed_out(objects):
    sha256 = objects.put(b"as it was")
    (objects.root / sha256[:2] / sha256).write_bytes(b"as it is")
    with pytest.raises(StorageError, match="damaged"):
        objects.get(sha256)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_name_that_is_no_digest_reaches_no_file(objects, name):
    for operation in (objects.get, objects.delete):
        with pytest.raises(StorageError, match="64 lower-case"):
            operation(name)


def test_a_full_disk_leaves_nothing_behind(objects, monkeypatch):
    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StorageError, match="No space left on device"):
        objects.put(b"too much")
    assert [path for path in objects.root.rglob("*") if path.is_file()] == []


def test_a_really_full_disk_leaves_nothing_behind(small_disk, tmp_path):
    script = """
import os, sys
from pathlib import Path
from api.storage import LocalObjects
from provenance.errors import StorageError
objects = LocalObjects.open(Path(sys.argv[1]) / "objects")
kept = objects.put(b"small")
try:
    objects.put(os.urandom(4 * 2**20))
except StorageError as err:
    print(err)
print(list(objects) == [kept], list((objects.root / "incoming").iterdir()))
"""
    command = [*small_disk, sys.executable, "-c", script, tmp_path]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0].endswith("No space left on device"), done.stderr
    assert done.stdout.splitlines()[1:] == ["True []"]


def test_a_limit_on_file_size_leaves_nothing_behind(objects):
    """A real refusal by the kernel in the middle of writing."""
    resource = pytest.importorskip("resource")
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            objects.put(b"x" * 2**21)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path for path in objects.root.rglob("*") if path.is_file()] == []


def test_what_a_killed_process_left_half_written_is_removed_when_it_is_old(objects):
    left, fresh = objects.root / "incoming" / "old", objects.root / "incoming" / "new"
    left.write_bytes(b"half")
    fresh.write_bytes(b"ha")
    os.utime(left, (time.time() - 100, time.time() - 100))
    assert objects.delete_unfinished(before=time.time() - 50) == 1
    assert not left.exists()
    assert fresh.exists()


def test_a_probe_leaves_nothing(objects):
    objects.probe()
    assert [path for path in objects.root.rglob("*") if path.is_file()] == []


def test_a_probe_of_a_full_disk_fails(tmp_path, small_disk):
    program = (
        "import sys, pathlib; from api.storage import LocalObjects; from provenance.errors import StorageError\n"
        "objects = LocalObjects.open(pathlib.Path(sys.argv[1])); objects.probe()\n"
        "try:\n    (objects.root / 'zeros').write_bytes(bytes(2**21))\nexcept OSError:\n    pass\n"
        "try:\n    objects.probe()\nexcept StorageError as err:\n    print(err)\n"
    )
    command = [*small_disk, sys.executable, "-c", program, str(tmp_path / "objects")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "could not write an object: No space left on device\n"
