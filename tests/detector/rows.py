"""Table rows without images."""

from pathlib import Path

from detector.data import Row


def row(number: int, *, synthetic: bool, generator: str = "flux.1", source: str = "s", group: str = "", **changes) -> Row:
    fields = {
        "path": Path("nowhere"),
        "synthetic": synthetic,
        "generator": generator,
        "kind": "photo",
        "source": source,
        "licence": "MIT",
        "lossless": False,
        "sha256": f"{number:064x}",
        "group": group or f"g{number}",
    }
    return Row(**{**fields, **changes})
