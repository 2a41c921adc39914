"""Joint folds: each leaves out generators and sources of photographs together, so that a test meets nothing it has seen.

Whole families are left out, not names: two models that share an autoencoder leave the same traces. Where one source
holds both classes, both go together: faces must not be photographs in training and generated in the test, or the other
way round. Deterministic; nothing about scores is looked at.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from detector.data import Row
from provenance.errors import DetectorError

FOLDS = 5

_FAMILIES = (
    ("stylegan2", "stylegan"),
    ("latent-diffusion", "latent-diffusion"),
    ("glid-3-xl", "latent-diffusion"),  # the same autoencoder and base, fine-tuned
    ("simulacra-bot", "latent-diffusion"),
    ("dalle-mini", "dalle-mini"),
    ("disco-diffusion", "disco-diffusion"),
    ("gpt-4o", "gpt-image"),
    ("dall-e-3", "dall-e-3"),
    ("nano-banana", "gemini-image"),
    ("midjourney", "midjourney"),
    ("flux", "flux"),
    ("sdxl", "sdxl"),
    ("sd3", "sd3"),
    ("stable-cascade", "stable-cascade"),
    ("auraflow", "auraflow"),
    ("hunyuan", "hunyuan"),
    ("stability-beta", "sd1"),
    ("openjourney", "sd1"),
    ("lcm", "sd1"),
    ("sd", "sd1"),  # 1.x and 2.x share their autoencoder; last, for it is a prefix of others
)


def family(generator: str) -> str:
    """Family of a generator: models that share an autoencoder or a maker's pipeline.

    Raises:
        DetectorError: No family is known; a new generator must be placed by a person.
    """
    for prefix, name in _FAMILIES:
        if generator.startswith(prefix):
            return name
    raise DetectorError(f"no family is known for the generator {generator!r}")


def unit(row: Row) -> str:
    """What is left out whole: the family of a synthetic image, the source of another."""
    return f"generator:{family(row.generator)}" if row.synthetic else f"source:{row.source}"


def joint_folds(rows: Sequence[Row], folds: int = FOLDS) -> dict[str, int]:
    """Fold of every unit: the largest first, each into the fold that holds the fewest images of its class.

    Units tied by a near-duplicate group, or by a source that holds both classes, go together.
    """
    counts = Counter(unit(row) for row in rows)
    ties = _ties(rows)
    bundles = Counter[str]()
    for name, count in counts.items():
        bundles[ties[name]] += count
    members = {head: [name for name in counts if ties[name] == head] for head in bundles}
    load = [{"generator": 0, "source": 0} for _ in range(folds)]
    placed: dict[str, int] = {}
    for head, _ in sorted(bundles.items(), key=lambda item: (-item[1], item[0])):
        classes = {name.partition(":")[0] for name in members[head]}
        fold = min(range(folds), key=lambda index: (sum(load[index][c] for c in classes), sum(load[index].values()), index))
        for name in members[head]:
            placed[name] = fold
            load[fold][name.partition(":")[0]] += counts[name]
    return placed


def fold_of_rows(rows: Sequence[Row], folds: int = FOLDS) -> list[int]:
    """The fold that leaves each row out, in the order of `rows`."""
    placed = joint_folds(rows, folds)
    return [placed[unit(row)] for row in rows]


def write_folds(rows: Sequence[Row], path: Path) -> None:
    """Write one line per image: sha256, fold, unit, label, generator, source, group."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("sha256", "fold", "unit", "label", "generator", "source", "group"))
        for row, fold in zip(rows, fold_of_rows(rows), strict=True):
            label = "synthetic" if row.synthetic else "not_synthetic"
            writer.writerow((row.sha256, fold, unit(row), label, row.generator, row.source, row.group))


def _ties(rows: Sequence[Row]) -> dict[str, str]:
    """Representative of each unit's bundle (union-find)."""
    head: dict[str, str] = {}

    def find(name: str) -> str:
        head.setdefault(name, name)
        while head[name] != name:
            name = head[name]
        return name

    def join(names: set[str]) -> None:
        first, *others = sorted(find(name) for name in names)
        for other in others:
            head[find(other)] = first

    shared: dict[str, set[str]] = {}
    for row in rows:
        shared.setdefault(f"group:{row.group}", set()).add(unit(row))
        shared.setdefault(f"source:{row.source}", set()).add(unit(row))
    for key, names in shared.items():
        mixed = any(n.startswith("source:") for n in names) and any(n.startswith("generator:") for n in names)
        if len(names) > 1 and (key.startswith("group:") or mixed):
            join(names)
    return {name: find(name) for name in {unit(row) for row in rows}}
