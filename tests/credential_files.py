"""Credentials written to a directory, as `file:` reads them."""

from __future__ import annotations

from pathlib import Path

from tests.assets.chains import Chain


def written(directory: Path, of: Chain, *, key: bytes | None = None, pem: bytes | None = None) -> str:
    """The URI of `directory`, with the chain's key and certificates in it, or with others."""
    directory.mkdir(exist_ok=True)
    (directory / "key.pem").write_bytes(of.key_pem if key is None else key)
    (directory / "chain.pem").write_bytes(of.pem if pem is None else pem)
    return f"file:{directory}"


def put_in_place(directory: Path, of: Chain) -> None:
    """Replace the directory as a whole, by one rename of a symbolic link: `directory` must be one, or not be there."""
    fresh = directory.with_name(f"{directory.name}-{of.leaf.serial_number:x}")
    written(fresh, of)
    link = directory.with_name(f"{directory.name}.new")
    link.symlink_to(fresh)
    link.rename(directory)
