"""Objects on the local disk, named by the SHA-256 of their bytes.

An object is written beside its place, synced and renamed, so that a name never stands for half an object. Who still needs an
object is for `api.jobs` to know; deleting is safe there, not here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.errors import StorageError

_NAME: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LocalObjects:
    """A folder of objects; build with `LocalObjects.open`."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> LocalObjects:
        """Objects under `root`, created when missing.

        Raises:
            StorageError: The folder cannot be made.
        """
        with _translated("could not prepare the object folder"):
            (root / "incoming").mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(root)

    def put(self, data: bytes) -> str:
        """Keep `data` and return its SHA-256; the same bytes twice are one object.

        Raises:
            StorageError: Such as a full disk; nothing is left behind.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._path(sha256)
        with _translated(f"could not keep object {sha256[:12]}"):
            target.parent.mkdir(mode=0o700, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.root / "incoming")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(target)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
            _sync_folder(target.parent)
        return sha256

    def probe(self) -> None:
        """Write a block and let it go.

        Raises:
            StorageError: Nothing can be kept now, such as on a full disk.
        """
        with _translated("could not write an object"), tempfile.TemporaryFile(dir=self.root / "incoming", buffering=0) as file:
            file.write(bytes(4096))
            os.fsync(file.fileno())  # some file systems say only then that there is no room

    def get(self, sha256: str) -> bytes:
        """The bytes of an object.

        Raises:
            StorageError: It is not there, cannot be read, or is not what its name says.
        """
        with _translated(f"could not read object {sha256[:12]}"):
            data = self._path(sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StorageError(f"object {sha256[:12]} is damaged: its bytes have another digest")
        return data

    def delete(self, sha256: str) -> None:
        """Remove an object, if it is there.

        Raises:
            StorageError: The file system refused.
        """
        with _translated(f"could not delete object {sha256[:12]}"):
            self._path(sha256).unlink(missing_ok=True)

    def __contains__(self, sha256: str) -> bool:
        """Whether the object is there."""
        return self._path(sha256).is_file()

    def __iter__(self) -> Iterator[str]:
        """Digests of all objects, in no order."""
        return (path.name for path in self.root.glob("??/*") if _NAME.fullmatch(path.name))

    def delete_unfinished(self, *, before: float) -> int:
        """Remove what a killed process left half-written before `before`, in seconds since the epoch; returns how many."""
        stale = [path for path in (self.root / "incoming").iterdir() if path.stat().st_mtime < before]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _path(self, sha256: str) -> Path:
        if not _NAME.fullmatch(sha256):
            raise StorageError("an object is named by 64 lower-case hexadecimal digits")
        return self.root / sha256[:2] / sha256


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise StorageError(f"{what}: {err.strerror or err}") from err


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # without it the rename may not survive a power cut
    finally:
        os.close(handle)
