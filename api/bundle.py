"""Several uploads of one job as one stored object, one after the other: a job has one input, and one object to delete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from provenance.asset import Asset


@dataclass(frozen=True, slots=True)
class Bundle:
    """Uploads by name; `data` holds them in the order of `sizes`."""

    data: bytes
    sizes: Mapping[str, int]
    """Bytes of each."""

    @classmethod
    def of(cls, parts: Mapping[str, Asset]) -> Bundle:
        """These assets."""
        return cls(b"".join(asset.data for asset in parts.values()), {name: len(asset.data) for name, asset in parts.items()})

    @property
    def sha256(self) -> str:
        """Digest of the whole."""
        return hashlib.sha256(self.data).hexdigest()

    def assets(self, *, max_bytes: int) -> dict[str, Asset]:
        """What was put in.

        Args:
            max_bytes: Limit of each.

        Raises:
            ValueError: The sizes are of another object.
            AssetError: A part is no asset.
        """
        if sum(self.sizes.values()) != len(self.data):
            raise ValueError("a bundle of other sizes than it was made of")
        found, at = {}, 0
        for name, size in self.sizes.items():
            found[name] = Asset.from_bytes(self.data[at : at + size], max_bytes=max_bytes)
            at += size
        return found
