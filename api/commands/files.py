"""Files in and out of the command line: an asset is read within limits, a result appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import AssetMissing, AssetTooLarge, AssetUnreadable, OutputExists, StorageError, UsageInvalid

if TYPE_CHECKING:
    from provenance.asset import Asset


def read_asset(path: Path, *, max_bytes: int) -> Asset:
    """The asset at `path`, whose size is looked at before it is read.

    Raises:
        AssetMissing: There is nothing, or a directory, pipe or device.
        AssetTooLarge: It has more than `max_bytes`.
        AssetUnreadable: The system refuses to read it.
        AssetEmpty, AssetUnsupported: As from `Asset.from_bytes`.
    """
    from provenance.asset import Asset

    return Asset.from_bytes(read_bytes(path, max_bytes=max_bytes), max_bytes=max_bytes)


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """At most `max_bytes` at `path`; raises as `read_asset` does."""
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, ValueError) as err:
        raise AssetMissing(f"there is no file {path}") from err
    except OSError as err:
        raise AssetUnreadable(f"cannot read {path}: {err.strerror}") from err
    try:
        _require_regular(path, os.fstat(descriptor), max_bytes)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    except OSError as err:
        raise AssetUnreadable(f"cannot read {path}: {err.strerror}") from err
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise AssetTooLarge(f"{path} grew beyond {max_bytes} bytes while it was read")
    return data


def _require_regular(path: Path, found: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise AssetMissing(f"{path} is a directory, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise AssetMissing(f"{path} is not a regular file")
    if found.st_size > max_bytes:
        raise AssetTooLarge(f"{path} has {found.st_size} bytes, the limit is {max_bytes}")


def require_free(path: Path, *, force: bool) -> None:
    """Return only if a result may be written to `path`; asked before the work is done.

    Raises:
        OutputExists: Something is there and `force` is not given, or it is no regular file.
        StorageError: The folder it belongs in is missing.
    """
    if path.exists() and not path.is_file():  # a result is put in its place by renaming, also where a device was
        raise OutputExists(f"{path} is a directory, pipe or device")
    if os.path.lexists(path) and not force:
        raise OutputExists(f"{path} exists; --force replaces it")
    if not path.parent.is_dir():
        raise StorageError(f"there is no folder {path.parent}")


def require_other(source: Path, target: Path) -> None:
    """Return only if the two are different files: a stamp over its own input would leave no original.

    Raises:
        UsageInvalid: They are one file.
    """
    if target.exists() and source.exists() and os.path.samefile(source, target):
        raise UsageInvalid(f"{target} is the input itself: name another output")


def write_whole(path: Path, data: bytes, *, force: bool) -> None:
    """Write `data` to `path`: all of it, or nothing and no trace.

    Raises:
        OutputExists: As from `require_free`, also if it came to be in between.
        StorageError: Such as a full disk.
    """
    require_free(path, force=force)
    partial = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        try:
            # Not mkstemp: a result gets the rights the user's umask gives, not 0600.
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _place(partial, path, force=force)
        finally:
            partial.unlink(missing_ok=True)
    except FileExistsError as err:
        raise OutputExists(f"{path} exists; --force replaces it") from err
    except OSError as err:
        raise StorageError(f"could not write {path}: {err.strerror}") from err


def _place(partial: Path, path: Path, *, force: bool) -> None:
    if force:
        partial.replace(path)
        return
    try:
        path.hardlink_to(partial)  # unlike a rename, this fails if something came to be there meanwhile
    except PermissionError:
        partial.replace(path)  # a file system without hard links
